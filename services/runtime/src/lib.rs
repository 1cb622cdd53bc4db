//! What every service does and none should repeat: configuration, the life of the process, logs, metrics and probes.

pub mod cli;
pub mod clock;
pub mod config;
pub mod health;
pub mod healthcheck;
pub mod http;
pub mod lifecycle;
pub mod metrics;
pub mod telemetry;
pub mod token;
pub mod traces;
