//! What the intake reads of the section `[kafka]`, which it shares with the processor: it writes where that reads.

use std::collections::BTreeMap;

use kafka::{Cluster, Encoding, PINNED_FOR_WRITING, Signal, TopicConfig, Writing};
use rdkafka::ClientConfig;
use runtime::config::{Problems, Secret, list_or_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::IntakeConfig;

/// A partition's batch: a record or some of them, below what brokers take.
const BATCH_BYTES: usize = 1_000_000;
/// How often topics are looked for that did not exist, and partitions that were added.
const METADATA_REFRESH_MS: u64 = 10_000;
/// Around the payload of a record: key, headers, framing.
const ENVELOPE_BYTES_MAX: usize = 64 * 1024;

/// Keys of the processor alone are passed over here; the processor refuses those that nobody knows.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct KafkaConfig {
    /// `host:port` of some brokers; the others are learnt from them. A list, or one text with commas.
    #[serde(deserialize_with = "list_or_text")]
    pub brokers: Vec<String>,
    /// How brokers know this process: in their logs, and for quotas.
    pub client_id: String,
    /// What the processor reads. The intake writes to the first topic of each encoding.
    pub topics: Vec<TopicConfig>,
    /// Any further property of librdkafka, such as `security.protocol` or `sasl.password`. An underscore counts as a
    /// dot, so that environment variables can name them. Values are never shown.
    pub properties: BTreeMap<String, Secret>,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: vec!["127.0.0.1:9092".to_owned()],
            client_id: "colloquy-intake".to_owned(),
            topics: vec![
                TopicConfig::new("otlp_spans", Encoding::OtlpProto, Signal::Spans),
                TopicConfig::new("otlp_logs", Encoding::OtlpProto, Signal::Logs),
                TopicConfig::new("ingest-spans", Encoding::SentrySpanJson, Signal::Spans),
            ],
            properties: BTreeMap::new(),
        }
    }
}

impl KafkaConfig {
    /// The topic to write to; empty if none is configured, which [`Self::validate`] refuses.
    pub(super) fn topic(&self, encoding: Encoding, signal: Signal) -> &str {
        self.find(encoding, signal).unwrap_or_default()
    }

    fn find(&self, encoding: Encoding, signal: Signal) -> Option<&str> {
        let mut topics = self.topics.iter();
        let found = topics.find(|topic| topic.encoding == encoding && topic.signal == signal);
        found.map(|topic| topic.name.as_str())
    }

    fn cluster(&self) -> Cluster<'_> {
        Cluster {
            brokers: &self.brokers,
            client_id: &self.client_id,
            metadata_refresh_ms: METADATA_REFRESH_MS,
            properties: &self.properties,
        }
    }

    pub(super) fn producer(&self, intake: &IntakeConfig) -> ClientConfig {
        let limits = &intake.limits;
        let mut producer = self.cluster().producer(Writing {
            compression: "lz4",
            record_bytes_max: limits.item_bytes_max + ENVELOPE_BYTES_MAX,
            delivery_timeout_ms: intake.delivery_timeout_ms,
        });
        producer
            .set("batch.size", BATCH_BYTES.to_string())
            // What requests may hold bounds the queue; the client's own bounds are only to be no smaller.
            .set(
                "queue.buffering.max.kbytes",
                (limits.memory_bytes_max / 1024).max(1).to_string(),
            )
            .set("queue.buffering.max.messages", "1000000");
        producer
    }

    /// Reports what the types cannot.
    pub(crate) fn validate(&self, problems: &mut Problems) {
        self.cluster().validate(
            &[PINNED_FOR_WRITING],
            "what the intake promises its clients depends on it",
            problems,
        );
        for (encoding, signal, text) in [
            (
                Encoding::OtlpProto,
                Signal::Spans,
                "encoding = \"otlp_proto\"",
            ),
            (
                Encoding::OtlpProto,
                Signal::Logs,
                "encoding = \"otlp_proto\", signal = \"logs\"",
            ),
            (
                Encoding::SentrySpanJson,
                Signal::Spans,
                "encoding = \"sentry_span_json\"",
            ),
        ] {
            problems.require(
                self.find(encoding, signal)
                    .is_some_and(|name| !name.is_empty()),
                "kafka.topics",
                format!("there is no topic for the intake to write to with {text}: add one"),
            );
        }
    }
}
