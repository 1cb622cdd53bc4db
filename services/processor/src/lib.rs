//! The processor: from Kafka to Redis.

pub mod decode;
