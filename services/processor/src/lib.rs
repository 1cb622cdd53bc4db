//! The processor: from Kafka to Redis. Begin with [`pipeline`].

pub mod books;
pub mod cli;
pub mod config;
pub mod item;
pub mod metrics;
mod notices;
pub mod out;
pub mod pipeline;
pub mod placing;
pub mod reading;
pub mod recorder;
pub mod service;
pub mod shards;
pub mod source;
pub mod tallies;
pub mod upkeep;
