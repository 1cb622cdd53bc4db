//! What all who read or write Kafka have in common: how a client is set up, what topics hold, and a producer that outlives
//! its own failure. What is read and written, and when, is the services' own.

mod cluster;
mod log;
mod producer;
mod topic;

pub use cluster::{Cluster, PINNED_FOR_READING, PINNED_FOR_WRITING, Writing};
pub use log::log;
pub use producer::{Client, ClientError, Letter, Logged, Producer, is_too_large};
pub use topic::{Encoding, PROJECT_HEADER, Signal, TopicConfig, is_topic_name};
