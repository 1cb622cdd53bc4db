//! The processor: from Kafka to Redis.

pub mod decode;
pub mod offsets;
pub mod source;
