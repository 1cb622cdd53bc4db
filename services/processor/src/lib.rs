//! The processor: from Kafka to Redis. Begin with [`pipeline`].

pub mod pipeline;
pub mod config;
pub mod service;
pub mod source;
pub mod offsets;
pub mod item;
pub mod decode;
pub mod reader;
pub mod prices;
pub mod router;
pub mod unassigned;
pub mod shard;
pub mod finalised;
pub mod publish;
pub mod dlq;
pub mod closing;
pub mod progress;
pub mod sweeping;
pub mod rebuild;
pub mod metrics;
