//! Writing to Kafka: each record is delivered, to all replicas in sync, or its writer is told.

use crate::source::SourceError;
use crate::source::config::KafkaConfig;
use domain::ids::ConversationKey;
use parking_lot::RwLock;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::fmt;
use std::time::Duration;
use tracing::{debug, error};

/// How long a record waits for room in the client's queue, beside the time for its delivery.
const ROOM_WAIT: Duration = Duration::from_secs(5);

/// An idempotent producer. Idempotence can break for good, when brokers have lost what they had acknowledged; then the
/// client is replaced, and what was under way is reported as not delivered.
pub(crate) struct Producer {
    config: ClientConfig,
    current: RwLock<FutureProducer<Logged>>,
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").finish_non_exhaustive()
    }
}

/// One record to write.
#[derive(Clone, Debug)]
pub(crate) struct Letter<'a> {
    pub(crate) topic: &'a str,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) headers: OwnedHeaders,
    pub(crate) payload: &'a [u8],
}

impl Producer {
    pub(crate) fn new(config: &KafkaConfig) -> Result<Self, SourceError> {
        let config = config.producer();
        let current = create(&config).map_err(|source| SourceError::Client {
            client: "producer",
            source,
        })?;
        Ok(Self {
            config,
            current: RwLock::new(current),
        })
    }

    /// Returns when the record is written, or when that has failed for as long as `delivery_timeout_ms`.
    pub(crate) async fn deliver(&self, letter: Letter<'_>) -> Result<(), KafkaError> {
        let producer = self.current.read().clone();
        let mut record = FutureRecord::to(letter.topic)
            .payload(letter.payload)
            .headers(letter.headers);
        if let Some(key) = letter.key {
            record = record.key(key);
        }
        match producer.send(record, ROOM_WAIT).await {
            Ok(_) => Ok(()),
            Err((cause, _)) => {
                if cause.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
                    self.replace(&cause);
                }
                Err(cause)
            }
        }
    }

    fn replace(&self, cause: &KafkaError) {
        error!(error = %cause, "the Kafka producer failed for good and is replaced");
        match create(&self.config) {
            Ok(fresh) => *self.current.write() = fresh,
            Err(cause) => error!(error = %cause, "the Kafka producer could not be replaced yet"),
        }
    }
}

fn create(config: &ClientConfig) -> Result<FutureProducer<Logged>, KafkaError> {
    config.create_with_context(Logged)
}

/// Whether the record is larger than the client or the broker takes.
pub(crate) fn is_too_large(cause: &KafkaError) -> bool {
    cause.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge)
}

/// Sends the client's log the way of ours.
#[derive(Clone, Copy, Debug)]
struct Logged;

impl ClientContext for Logged {
    /// Told by the outcome of what is written, too.
    fn error(&self, cause: KafkaError, reason: &str) {
        debug!(error = %cause, reason, "the Kafka client reports");
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        crate::source::log(level, facility, message);
    }
}

/// Writes finalised conversations.
#[derive(Debug)]
pub struct Publisher {
    producer: Producer,
    topic: String,
}

/// Why a conversation is not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Trying again does not help.
    #[error(
        "the record of {bytes} bytes is larger than kafka.produce_bytes_max or the topic's max.message.bytes allow; raise them"
    )]
    TooLarge { bytes: usize },
    /// Trying again later may help.
    #[error("not delivered: {0}")]
    NotDelivered(KafkaError),
}

impl Publisher {
    pub fn new(config: &KafkaConfig) -> Result<Self, SourceError> {
        Ok(Self {
            producer: Producer::new(config)?,
            topic: config.conversations_topic.clone(),
        })
    }

    /// Returns when the record is written. The key is `project/conversation`, so that the revisions of one conversation
    /// stay in order.
    #[tracing::instrument(skip_all, fields(otel.kind = "producer", messaging.system = "kafka", conversation = %key))]
    pub async fn publish(
        &self,
        key: &ConversationKey,
        payload: Vec<u8>,
    ) -> Result<(), PublishError> {
        let text = key.to_string();
        let letter = Letter {
            topic: &self.topic,
            key: Some(text.as_bytes()),
            headers: OwnedHeaders::new(),
            payload: &payload,
        };
        self.producer
            .deliver(letter)
            .await
            .map_err(|cause| match is_too_large(&cause) {
                true => PublishError::TooLarge {
                    bytes: payload.len(),
                },
                false => PublishError::NotDelivered(cause),
            })
    }
}
