//! What leaves the processor for Kafka.

pub mod dead_letters;
