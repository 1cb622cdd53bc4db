//! The processor: from Kafka to Redis. Begin with [`pipeline`].

pub mod books;
pub mod cli;
pub mod closing;
pub mod config;
pub mod decode;
pub mod item;
pub mod memory;
pub mod metrics;
mod notices;
pub mod out;
pub mod pipeline;
pub mod placing;
pub mod prices;
pub mod reader;
pub mod rebuild;
pub mod recorder;
pub mod service;
pub mod shards;
pub mod source;
pub mod stages;
pub mod sweeping;
