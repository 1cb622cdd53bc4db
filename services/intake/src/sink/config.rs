//! What the intake reads of the section `[kafka]`, which it shares with the processor: it writes where that reads.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use runtime::config::{Problems, Secret, list_or_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::IntakeConfig;

/// Properties of librdkafka that our promises depend on.
const PINNED: &[&str] = &["acks", "request.required.acks", "enable.idempotence"];
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TopicConfig {
    pub name: String,
    pub encoding: Encoding,
    #[serde(default)]
    pub signal: Signal,
}

/// How the records of a topic are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    OtlpProto,
    OtlpJson,
    SentrySpanJson,
}

/// What the records of a topic hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    #[default]
    Spans,
    Logs,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        let topic = |name: &str, encoding, signal| TopicConfig {
            name: name.to_owned(),
            encoding,
            signal,
        };
        Self {
            brokers: vec!["127.0.0.1:9092".to_owned()],
            client_id: "colloquy-intake".to_owned(),
            topics: vec![
                topic("otlp_spans", Encoding::OtlpProto, Signal::Spans),
                topic("otlp_logs", Encoding::OtlpProto, Signal::Logs),
                topic("ingest-spans", Encoding::SentrySpanJson, Signal::Spans),
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

    fn properties(&self) -> impl Iterator<Item = (String, &Secret)> {
        self.properties
            .iter()
            .map(|(name, value)| (name.replace('_', "."), value))
    }

    /// Delivered means: written by all replicas in sync, once.
    pub(super) fn producer(&self, intake: &IntakeConfig) -> ClientConfig {
        let limits = &intake.limits;
        let mut producer = ClientConfig::new();
        producer
            .set("bootstrap.servers", self.brokers.join(","))
            .set("client.id", &self.client_id)
            .set("socket.keepalive.enable", "true")
            .set(
                "topic.metadata.refresh.interval.ms",
                METADATA_REFRESH_MS.to_string(),
            );
        for (name, value) in self.properties() {
            producer.set(name, value.expose());
        }
        producer
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("batch.size", BATCH_BYTES.to_string())
            .set(
                "message.max.bytes",
                (limits.item_bytes_max + ENVELOPE_BYTES_MAX).to_string(),
            )
            // What requests may hold bounds the queue; the client's own bounds are only to be no smaller.
            .set(
                "queue.buffering.max.kbytes",
                (limits.memory_bytes_max / 1024).max(1).to_string(),
            )
            .set("queue.buffering.max.messages", "1000000")
            .set(
                "delivery.timeout.ms",
                intake.delivery_timeout_ms.to_string(),
            );
        producer
    }

    /// Reports what the types cannot.
    pub(crate) fn validate(&self, problems: &mut Problems) {
        let address = |broker: &String| {
            broker
                .rsplit_once(':')
                .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
        };
        problems.require(
            !self.brokers.is_empty() && self.brokers.iter().all(address),
            "kafka.brokers",
            "give at least one `host:port`",
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
        for (name, _) in self.properties() {
            problems.require(
                !PINNED.contains(&name.as_str()),
                &format!("kafka.properties.{name}"),
                "is set by Colloquy and cannot be changed: what the intake promises its clients depends on it",
            );
        }
    }
}
