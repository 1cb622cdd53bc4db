//! Kafka as a stream of events.

mod position;

pub use position::{NextOffset, Position, TopicPartition};
