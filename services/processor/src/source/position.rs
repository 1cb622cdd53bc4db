//! Names of places in Kafka.

use std::fmt;
use std::sync::Arc;

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    pub topic: Arc<str>,
    pub partition: i32,
}

impl TopicPartition {
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        let topic = topic.into();
        Self { topic, partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// Where a record stands, and during which ownership of its partition it was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub partition: TopicPartition,
    pub offset: i64,
    /// Grows with every assignment and every seek of the partition, so that what belongs to an earlier reading of it
    /// is recognised.
    pub generation: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.partition, self.offset)
    }
}

/// From where a group would read a partition on: the offset after the last one that is done, as Kafka counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NextOffset {
    pub partition: TopicPartition,
    pub offset: i64,
}

/// Where a reading of a partition begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    pub offset: i64,
    /// The highest record time below the offset; `None` at the beginning of the topic, and where nobody wrote it down.
    pub time_ms: Option<i64>,
}

/// What may be committed of a partition, by whom: its reading in this generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    pub next: NextOffset,
    pub generation: u64,
    /// See [`Start::time_ms`]: committed along, for whoever begins there.
    pub time_ms: Option<i64>,
}

/// A reading of a partition that begins: after a rebalance, a seek, or when a topic was made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    pub partition: TopicPartition,
    pub generation: u64,
    /// `None` when Kafka could not be asked in time: it is then read again from where the store stands.
    pub start: Option<Start>,
    /// Whether the topic holds nothing before the start.
    pub is_from_beginning: bool,
}
