//! Writing finalised conversations to their topic: each is there, or its writer is told.

use crate::source::SourceError;
use crate::source::config::KafkaConfig;
use domain::ids::ConversationKey;
use kafka::{Letter, Producer, is_too_large};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedHeaders;

/// Where finalised conversations go. Tests have others, which refuse or never answer.
pub trait Publish: Send + Sync + 'static {
    /// Returns when the record is written, or will not be.
    fn publish(
        &self,
        key: &ConversationKey,
        payload: Vec<u8>,
    ) -> impl Future<Output = Result<(), PublishError>> + Send;
}

/// Writes finalised conversations to Kafka.
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
            producer: Producer::new(config.producer())?,
            topic: config.conversations_topic.clone(),
        })
    }
}

impl Publish for Publisher {
    /// The key is `project/conversation`, so that the revisions of one conversation
    /// stay in order.
    #[tracing::instrument(skip_all, fields(otel.kind = "producer", messaging.system = "kafka", conversation = %key))]
    async fn publish(&self, key: &ConversationKey, payload: Vec<u8>) -> Result<(), PublishError> {
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
