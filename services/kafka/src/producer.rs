//! Writing to Kafka: each record is delivered, to all replicas in sync, or its writer is told.

use parking_lot::RwLock;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaConfRes;
use std::fmt;
use std::time::Duration;
use tracing::{debug, error};

/// How long a record waits for room in the client's queue, beside the time for its delivery.
const ROOM_WAIT: Duration = Duration::from_secs(5);

/// A client that writes.
pub type Client = FutureProducer<Logged>;

/// A client that cannot be made of its configuration. Brokers that cannot be reached are no error.
#[derive(Debug, thiserror::Error)]
#[error("cannot create the Kafka {client}: {reason}; check the [kafka] section")]
pub struct ClientError {
    /// What it was to be, such as `consumer`.
    client: &'static str,
    /// Without the value of a property: it may be a secret.
    reason: String,
}

impl ClientError {
    pub fn new(client: &'static str, cause: &KafkaError) -> Self {
        let reason = match cause {
            KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, _, property, _) => {
                format!("there is no property `{property}`")
            }
            KafkaError::ClientConfig(_, _, property, _) => {
                format!("the property `{property}` has a value that the client does not take")
            }
            other => other.to_string(),
        };
        Self { client, reason }
    }
}

/// An idempotent producer. Idempotence can break for good, when brokers have lost what they had acknowledged; then the
/// client is replaced, and what was under way is reported as not delivered.
pub struct Producer {
    config: ClientConfig,
    /// The client, and which one it is.
    current: RwLock<(Client, u64)>,
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").finish_non_exhaustive()
    }
}

/// One record to write.
#[derive(Clone, Debug)]
pub struct Letter<'a> {
    pub topic: &'a str,
    pub key: Option<&'a [u8]>,
    pub headers: OwnedHeaders,
    pub payload: &'a [u8],
}

impl Producer {
    /// # Errors
    /// When the client cannot be made of the configuration: see [`crate::Cluster::producer`].
    pub fn new(config: ClientConfig) -> Result<Self, ClientError> {
        let client = create(&config).map_err(|cause| ClientError::new("producer", &cause))?;
        Ok(Self {
            config,
            current: RwLock::new((client, 0)),
        })
    }

    /// The client and its generation, for [`Self::replace_if_fatal`].
    pub fn client(&self) -> (Client, u64) {
        self.current.read().clone()
    }

    /// Returns when the record is written.
    ///
    /// # Errors
    /// When that has failed for as long as `delivery.timeout.ms`, or there was no room for it.
    pub async fn deliver(&self, letter: Letter<'_>) -> Result<(), KafkaError> {
        let (client, generation) = self.client();
        let mut record = FutureRecord::to(letter.topic)
            .payload(letter.payload)
            .headers(letter.headers);
        if let Some(key) = letter.key {
            record = record.key(key);
        }
        match client.send(record, ROOM_WAIT).await {
            Ok(_) => Ok(()),
            Err((cause, _)) => {
                self.replace_if_fatal(&cause, generation);
                Err(cause)
            }
        }
    }

    /// Replaces the client of this generation if it has failed for good. All that it had under way fail with it and say
    /// so, one after the other; whoever comes second finds the fresh client there, and leaves it alone.
    pub fn replace_if_fatal(&self, cause: &KafkaError, generation: u64) {
        if cause.rdkafka_error_code() != Some(RDKafkaErrorCode::Fatal) {
            return;
        }
        let mut current = self.current.write();
        if current.1 != generation {
            return;
        }
        error!(error = %cause, "the Kafka producer failed for good and is replaced");
        match create(&self.config) {
            Ok(fresh) => *current = (fresh, generation + 1),
            Err(cause) => error!(error = %cause, "the Kafka producer could not be replaced yet"),
        }
    }
}

fn create(config: &ClientConfig) -> Result<Client, KafkaError> {
    config.create_with_context(Logged)
}

/// Whether the record is larger than the client or the broker takes.
pub fn is_too_large(cause: &KafkaError) -> bool {
    cause.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge)
}

/// Sends the client's log the way of ours.
#[derive(Clone, Copy, Debug)]
pub struct Logged;

impl ClientContext for Logged {
    /// Told by the outcome of what is written, too.
    fn error(&self, cause: KafkaError, reason: &str) {
        debug!(error = %cause, reason, "the Kafka client reports");
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        crate::log(level, facility, message);
    }
}

impl ConsumerContext for Logged {}

#[cfg(test)]
mod tests {
    use super::*;

    fn producer() -> Producer {
        let mut config = ClientConfig::new();
        // Nobody listens there; a client is made all the same.
        config.set("bootstrap.servers", "127.0.0.1:1");
        Producer::new(config).expect("a producer")
    }

    #[test]
    fn what_is_wrong_with_a_property_is_told_without_its_value() {
        for (property, value, expected) in [
            (
                "sasl.passwrd",
                "hunter2",
                "there is no property `sasl.passwrd`",
            ),
            (
                "security.protocol",
                "hunter2",
                "`security.protocol` has a value",
            ),
        ] {
            let mut config = ClientConfig::new();
            config.set(property, value);
            let error = Producer::new(config).expect_err("refused").to_string();
            assert!(
                error.contains(expected) && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    fn failure(code: RDKafkaErrorCode) -> KafkaError {
        KafkaError::MessageProduction(code)
    }

    #[test]
    fn a_client_that_failed_for_good_is_replaced_once_however_many_say_so() {
        let producer = producer();
        let (_, failed) = producer.client();
        for _ in 0..3 {
            producer.replace_if_fatal(&failure(RDKafkaErrorCode::Fatal), failed);
        }
        assert_eq!(producer.client().1, failed + 1);
        producer.replace_if_fatal(&failure(RDKafkaErrorCode::Fatal), failed + 1);
        assert_eq!(producer.client().1, failed + 2);
    }

    #[test]
    fn a_record_that_failed_by_itself_leaves_the_client_alone() {
        let producer = producer();
        let (_, generation) = producer.client();
        producer.replace_if_fatal(&failure(RDKafkaErrorCode::MessageTimedOut), generation);
        producer.replace_if_fatal(&KafkaError::Canceled, generation);
        assert_eq!(producer.client().1, generation);
    }
}
