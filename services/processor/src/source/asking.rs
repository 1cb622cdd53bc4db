//! What Kafka is asked beside reading: how many partitions topics have, and where partitions begin.
//!
//! A broker answers the requests of one connection one after another, and a fetch is answered when there are records. So
//! questions on the consumer's connection wait for records, and polling would wait with them: with four topics and 20 records a
//! second, reading stood still for 200 ms every ten seconds. They are asked on a thread and by a client of their own.

use super::config::KafkaConfig;
use super::gaps::Gaps;
use super::topics::Topics;
use super::{Event, SourceError, TopicPartition};
use kafka::Logged;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How often it is looked whether something is due.
const TICK: Duration = Duration::from_millis(250);

/// Offsets that reading passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PassedOver {
    pub(super) partition: TopicPartition,
    /// Where reading stood.
    pub(super) from_offset: i64,
    /// Where it went on.
    pub(super) to_offset: i64,
}

/// Starts the thread. It ends when the sender is dropped, or when nobody takes events any more.
pub(super) fn spawn(
    config: &KafkaConfig,
    control: mpsc::Sender<Event>,
) -> Result<Sender<PassedOver>, SourceError> {
    let client = config
        .client()
        // A producer that asks for a topic has it made.
        .set("allow.auto.create.topics", "false")
        .create_with_context(Logged);
    let client = client.map_err(|cause| kafka::ClientError::new("client for questions", &cause))?;
    let names = config.topics.iter().map(|topic| topic.name.as_str().into());
    let (passed_over, received) = channel();
    let asking = Asking {
        client,
        topics: Topics::new(
            names.collect(),
            Duration::from_millis(config.metadata_refresh_ms),
        ),
        gaps: Gaps::default(),
        received,
        control,
    };
    std::thread::Builder::new()
        .name("kafka-ask".to_owned())
        .spawn(move || asking.run())
        .map_err(SourceError::Thread)?;
    Ok(passed_over)
}

struct Asking {
    client: BaseConsumer<Logged>,
    topics: Topics,
    gaps: Gaps,
    received: Receiver<PassedOver>,
    control: mpsc::Sender<Event>,
}

impl Asking {
    fn run(mut self) {
        loop {
            if let Some(counts) = self.topics.look(&self.client)
                && self.control.blocking_send(Event::Topics(counts)).is_err()
            {
                return;
            }
            match self.received.recv_timeout(TICK) {
                Ok(passed_over) => self.gaps.note(&passed_over),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let client = &self.client;
            self.gaps.settle(Instant::now(), |partition, deadline| {
                let left = deadline.saturating_duration_since(Instant::now());
                let (low, _) =
                    client.fetch_watermarks(&partition.topic, partition.partition, left)?;
                Ok(low)
            });
        }
    }
}
