//! What every service does and none should repeat: configuration, the life of the process, logs, metrics and probes.

pub mod cli;
pub mod clock;
pub mod config;
pub mod health;
pub mod healthcheck;
pub mod http;
pub mod lifecycle;
pub mod metrics;
pub mod origin;
pub mod service;
pub mod telemetry;
pub mod token;
pub mod traces;

/// For everything, C libraries included. Spans are thousands of small values that threads hand to one another, and the
/// system's allocator spends a quarter of the processor's time on them and keeps a quarter more memory.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
