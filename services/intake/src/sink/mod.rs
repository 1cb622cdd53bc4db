//! Kafka: records go in, and whoever sent them hears when all replicas in sync have them.

mod config;
mod watch;

pub use config::KafkaConfig;
pub use watch::watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures::future::join_all;
use kafka::{Client, Encoding, PROJECT_HEADER, Producer, Signal, is_too_large};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureRecord};
use tracing::{debug, warn};

use crate::config::Config;
use crate::metrics::{DELIVERY_SECONDS, RECORDS, UNDELIVERED};
use crate::refusal::{Reason, Refusal};

/// Which topic a record goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// OTLP spans in protobuf.
    Spans,
    /// OTLP log records in protobuf.
    Logs,
    /// Sentry's ingest-spans version 1.
    Sentry,
}

#[derive(Clone, Debug)]
pub struct Record {
    pub stream: Stream,
    /// The trace id in hex, so that a trace stays in one partition.
    pub key: String,
    pub payload: Bytes,
    pub project: Option<Arc<str>>,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// Larger than the topic takes. Trying again does not help.
    TooLarge,
}

/// Clones write through the same client.
#[derive(Clone, Debug)]
pub struct Sink(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    producer: Producer,
    spans_topic: String,
    logs_topic: String,
    sentry_topic: String,
    is_reachable: AtomicBool,
}

impl Sink {
    /// # Errors
    /// When the client cannot be made of the configuration. Brokers that cannot be reached are no error.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let topic = |encoding, signal| config.kafka.topic(encoding, signal).to_owned();
        Ok(Self(Arc::new(Inner {
            producer: Producer::new(config.kafka.producer(&config.intake))?,
            spans_topic: topic(Encoding::OtlpProto, Signal::Spans),
            logs_topic: topic(Encoding::OtlpProto, Signal::Logs),
            sentry_topic: topic(Encoding::SentrySpanJson, Signal::Spans),
            // Until the first look nobody knows, and nothing is lost by trying.
            is_reachable: AtomicBool::new(true),
        })))
    }

    fn topic(&self, stream: Stream) -> &str {
        match stream {
            Stream::Spans => &self.0.spans_topic,
            Stream::Logs => &self.0.logs_topic,
            Stream::Sentry => &self.0.sentry_topic,
        }
    }

    /// # Errors
    /// When Kafka was not there a moment ago: clients need not wait to hear that.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.0.is_reachable.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(unavailable())
    }

    /// Writes all records and waits until each is acknowledged.
    ///
    /// # Errors
    /// When the client's queue is full or a record was not delivered. Others of the same call may have been: sending
    /// all of them again is harmless, since spans are known by their ids.
    #[tracing::instrument(skip_all, fields(otel.kind = "producer", messaging.system = "kafka", records = records.len()))]
    pub async fn deliver(&self, records: Vec<Record>) -> Result<Vec<Outcome>, Refusal> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let begin = Instant::now();
        let (client, generation) = self.0.producer.client();
        let mut waiting = Vec::with_capacity(records.len());
        for record in &records {
            waiting.push(self.enqueue(&client, record));
            if let Some(Err(Undelivered::Failed(cause))) = waiting.last() {
                let refused = self.undelivered(cause, generation);
                return Err(refused);
            }
        }
        let outcomes = join_all(waiting.into_iter().map(outcome)).await;
        let mut settled = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            settled.push(match outcome {
                Ok(()) => Outcome::Delivered,
                Err(Undelivered::TooLarge) => Outcome::TooLarge,
                Err(Undelivered::Failed(cause)) => return Err(self.undelivered(&cause, generation)),
            });
        }
        let delivered = settled
            .iter()
            .filter(|outcome| **outcome == Outcome::Delivered);
        metrics::counter!(RECORDS).increment(delivered.count() as u64);
        metrics::histogram!(DELIVERY_SECONDS).record(begin.elapsed().as_secs_f64());
        Ok(settled)
    }

    fn enqueue(&self, client: &Client, record: &Record) -> Result<DeliveryFuture, Undelivered> {
        let mut message = FutureRecord::<str, [u8]>::to(self.topic(record.stream))
            .key(&record.key)
            .payload(&record.payload);
        if let Some(project) = &record.project {
            let header = Header {
                key: PROJECT_HEADER,
                value: Some(project.as_bytes()),
            };
            message = message.headers(OwnedHeaders::new().insert(header));
        }
        client
            .send_result(message)
            .map_err(|(cause, _)| cause.into())
    }

    fn undelivered(&self, cause: &KafkaError, generation: u64) -> Refusal {
        let code = cause.rdkafka_error_code();
        let reason = code.map_or_else(|| cause.to_string(), |code| code.to_string());
        debug!(error = %cause, "records were not delivered");
        match code {
            Some(RDKafkaErrorCode::QueueFull) => {
                metrics::counter!(UNDELIVERED, "reason" => "queue_full").increment(1);
                return Refusal::overloaded("the queue to Kafka is full: try again later");
            }
            _ => self.0.producer.replace_if_fatal(cause, generation),
        }
        metrics::counter!(UNDELIVERED, "reason" => label(code)).increment(1);
        warn!(
            reason,
            "Kafka did not take records; the client is told to try again"
        );
        unavailable()
    }
}

fn unavailable() -> Refusal {
    Refusal::new(
        Reason::Unavailable,
        "Kafka does not take records now, so nothing was accepted: try again later",
    )
}

enum Undelivered {
    TooLarge,
    Failed(KafkaError),
}

impl From<KafkaError> for Undelivered {
    fn from(cause: KafkaError) -> Self {
        match is_too_large(&cause) {
            true => Self::TooLarge,
            false => Self::Failed(cause),
        }
    }
}

async fn outcome(sent: Result<DeliveryFuture, Undelivered>) -> Result<(), Undelivered> {
    match sent?.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err((cause, _))) => Err(cause.into()),
        // The client was replaced meanwhile.
        Err(_) => Err(Undelivered::Failed(KafkaError::Canceled)),
    }
}

/// Few, so that a broker cannot fill the metrics with words.
fn label(code: Option<RDKafkaErrorCode>) -> &'static str {
    match code {
        Some(RDKafkaErrorCode::MessageTimedOut) => "timed_out",
        Some(RDKafkaErrorCode::Fatal) => "fatal",
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            "no_topic"
        }
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => "not_authorized",
        _ => "other",
    }
}
