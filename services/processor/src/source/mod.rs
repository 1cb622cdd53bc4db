//! Kafka as a stream of events.
//!
//! One thread owns the consumer and does nothing but poll it. All it learns goes through one channel in one order:
//! records, assignments and revocations. All it is told comes through a [`SourceHandle`]. So a rebalance is data that an
//! ordinary loop handles between two records, and no callback reaches into the pipeline.

pub mod admin;
mod clients;
mod commits;
mod complaints;
pub mod config;
mod context;
mod ends;
mod handle;
mod pausing;
mod poll;
mod position;
mod queue;
mod record;
mod seeks;

pub(crate) use context::log;
pub use handle::{SourceHandle, Stopped};
pub use position::{NextOffset, Position, TopicPartition};
pub use queue::Queued;
pub use record::Record;

use config::KafkaConfig;
use rdkafka::error::KafkaError;
use tokio::sync::{mpsc, oneshot};

/// Events that wait for the pipeline, beside the bound on their bytes. Enough to keep it busy between two turns.
const EVENTS_MAX: usize = 256;

/// What the poll thread learns.
#[derive(Debug)]
pub enum Event {
    Record(Record),
    /// These partitions are read from now on, each in a generation of its own: after a rebalance, and after a seek.
    /// An empty list means that other members of the group have them all.
    Assigned(Vec<(TopicPartition, u64)>),
    /// These partitions go to somebody else. The poll thread waits for the offsets of what is done, up to
    /// `revoke_wait_ms`, commits them, and only then lets the partitions go.
    Revoked {
        partitions: Vec<TopicPartition>,
        ack: oneshot::Sender<Vec<NextOffset>>,
    },
    /// There is nothing at or after this offset at the moment. Repeated about every `statistics_interval_ms` for as long
    /// as it stays so and the broker answers.
    EndOfPartition {
        partition: TopicPartition,
        generation: u64,
        end_offset: i64,
    },
    /// The consumer cannot go on. It is the last event.
    Failed(SourceError),
}

/// Why Kafka cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("cannot create the Kafka {client}: {source}; check the [kafka] section")]
    Client {
        client: &'static str,
        source: KafkaError,
    },
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
/// channel closes. When the receiver is dropped it reads nothing more, and waits to be told the last offsets.
pub fn start(config: &KafkaConfig) -> Result<(SourceHandle, mpsc::Receiver<Event>), SourceError> {
    let (events, receiver) = mpsc::channel(EVENTS_MAX);
    let handle = poll::spawn(config.clone(), events)?;
    Ok((handle, receiver))
}
