//! What the processor writes to Kafka.

pub mod finalised;
pub mod outbox;
pub mod publisher;
pub mod publishing;
