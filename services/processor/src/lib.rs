//! The processor: from Kafka to Redis. Begin with [`pipeline`].

pub mod decode;
pub mod offsets;
pub mod source;
