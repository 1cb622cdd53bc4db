//! The client that writes, and its replacement when it has failed for good.

use std::fmt;

use anyhow::Context as _;
use parking_lot::RwLock;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::producer::FutureProducer;
use tracing::{debug, error, warn};

pub(super) type Client = FutureProducer<Logged>;

/// An idempotent producer. Idempotence can break for good, when brokers have lost what they had acknowledged; then the
/// client is replaced, and what was under way is reported as not delivered.
pub(super) struct Producer {
    config: ClientConfig,
    current: RwLock<(Client, u64)>,
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").finish_non_exhaustive()
    }
}

impl Producer {
    pub(super) fn new(config: ClientConfig) -> anyhow::Result<Self> {
        let client = create(&config).context("cannot set up the Kafka producer: check [kafka]")?;
        Ok(Self {
            config,
            current: RwLock::new((client, 0)),
        })
    }

    /// The client, and which one it is.
    pub(super) fn client(&self) -> (Client, u64) {
        self.current.read().clone()
    }

    /// Replaces the client of this generation; whoever comes second finds that done.
    pub(super) fn replace(&self, cause: &KafkaError, generation: u64) {
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

/// Sends the client's log the way of ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logged;

impl ClientContext for Logged {
    /// Told by the outcome of what is written, too.
    fn error(&self, cause: KafkaError, reason: &str) {
        debug!(error = %cause, reason, "the Kafka client reports");
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => warn!(facility, message, "the Kafka client says"),
            _ => debug!(facility, message, "the Kafka client says"),
        }
    }
}
