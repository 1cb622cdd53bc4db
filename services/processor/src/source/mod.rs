//! Kafka as a stream of events.
//!
//! One thread owns the consumer and does nothing but poll it; what else Kafka is asked, another one asks. All they learn goes through two channels: records, of which
//! there are only as many as there is room for, and everything else, which is always taken. A record is sent after the
//! assignment that it belongs to and carries its generation; so whoever takes events before records sees each record in
//! its place. All it is told comes through a [`SourceHandle`]. So a rebalance is data that an ordinary loop handles
//! between two records, and no callback reaches into the pipeline.

pub mod admin;
mod asking;
mod clients;
mod commits;
mod complaints;
pub mod config;
mod context;
pub mod ends;
mod gaps;
mod handle;
mod pausing;
mod poll;
mod position;
mod queue;
mod record;
mod seeks;
mod starts;
mod statistics;
mod topics;

pub(crate) use context::tell_breach;
pub use handle::{SourceHandle, Stopped};
pub use position::{Begun, Commitment, NextOffset, Position, Start, TopicPartition};
pub use queue::Queued;
pub use record::Record;

use crate::metrics as names;
use config::KafkaConfig;
use metrics::gauge;
use rdkafka::error::KafkaError;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Records that wait for the pipeline, beside the bound on their bytes. Enough to keep it busy between two turns.
const RECORDS_MAX: usize = 256;
/// Events that wait for the pipeline, which takes them at once.
const EVENTS_MAX: usize = 1_024;

/// What the poll thread learns beside records.
#[derive(Debug)]
pub enum Event {
    /// These partitions are read from now on, each in a generation of its own: after a rebalance, after a seek, and when
    /// a topic was made anew. An empty list means that other members of the group have them all.
    Assigned(Vec<Begun>),
    /// These partitions go to somebody else. The poll thread waits for the offsets of what is done, up to
    /// `revoke_wait_ms`, commits them, and only then lets the partitions go.
    Revoked {
        partitions: Vec<TopicPartition>,
        ack: oneshot::Sender<Vec<Commitment>>,
    },
    /// These partitions belong to somebody else already.
    Lost(Vec<TopicPartition>),
    /// There is nothing at or after `end_offset`, and no record between it and `handed_on`, the offset after the last
    /// record that was handed on. Repeated about every `statistics_interval_ms` for as long as it stays so and the broker
    /// answers.
    EndOfPartition {
        partition: TopicPartition,
        generation: u64,
        handed_on: Option<i64>,
        end_offset: i64,
        /// When the broker said so, Unix milliseconds.
        seen_ms: i64,
    },
    /// How many partitions each topic of the configuration has; 0 when it does not exist.
    Topics(BTreeMap<Arc<str>, i32>),
    /// Whether Kafka answers, and why not. Sent when that changes.
    Reachable(Result<(), String>),
    /// The consumer cannot go on. It is the last event.
    Failed(SourceError),
}

/// What the poll thread sends.
#[derive(Debug)]
pub struct Incoming {
    /// To be taken before records.
    pub events: mpsc::Receiver<Event>,
    pub records: mpsc::Receiver<Record>,
}

/// Why Kafka cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(transparent)]
    Client(#[from] kafka::ClientError),
    #[error("cannot subscribe to {topics}: {source}")]
    Subscribe { topics: String, source: KafkaError },
    #[error("Kafka refuses this consumer for good: {0}")]
    Fatal(KafkaError),
    #[error("cannot start the poll thread: {0}")]
    Thread(std::io::Error),
    #[error("cannot {action}: {reason}")]
    Admin { action: String, reason: String },
}

/// Starts the poll thread. It ends when the handle says `stop` or is dropped, and with [`Event::Failed`]; in each case the
/// channels close. When the receivers are dropped it reads nothing more, and waits to be told the last offsets.
pub fn start(config: &KafkaConfig) -> Result<(SourceHandle, Incoming), SourceError> {
    let (control, events) = mpsc::channel(EVENTS_MAX);
    let (sender, records) = mpsc::channel(RECORDS_MAX);
    let handle = poll::spawn(config.clone(), control, sender)?;
    Ok((handle, Incoming { events, records }))
}

fn tell_lag(partition: &TopicPartition, lag: i64) {
    let labels = [
        ("topic", partition.topic.to_string()),
        ("partition", partition.partition.to_string()),
    ];
    gauge!(names::LAG, &labels).set(lag as f64);
}
