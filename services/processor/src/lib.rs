//! The processor: from Kafka to Redis. Begin with [`pipeline`].

mod batch;
pub mod chaining;
pub mod cli;
pub mod closing;
pub mod config;
pub mod decode;
pub mod dlq;
pub mod finalised;
pub mod item;
pub mod memory;
pub mod metrics;
pub mod offsets;
mod pace;
pub mod pipeline;
pub mod prices;
pub mod progress;
pub mod publish;
pub mod reader;
pub mod rebuild;
pub mod router;
pub mod service;
pub mod shard;
pub mod source;
pub mod sweeping;
pub mod unassigned;
