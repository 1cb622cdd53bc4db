//! What leaves the processor for Kafka.

pub mod dead_letters;
pub mod finalised;
pub mod outbox;
pub mod publisher;
pub mod publishing;
