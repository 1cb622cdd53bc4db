//! Where Kafka is and who we are to it: what the clients of all services have in common.

use rdkafka::ClientConfig;
use runtime::config::{Problems, Secret};
use std::collections::BTreeMap;

/// Properties of librdkafka that no reader may change: what is read, and what is committed, depend on them.
pub const PINNED_FOR_READING: &[&str] = &[
    "auto.offset.reset",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "group.id",
    "group.protocol",
    "partition.assignment.strategy",
];
/// Properties of librdkafka that no writer may change: without them delivered does not mean written once, to all replicas.
pub const PINNED_FOR_WRITING: &[&str] = &["acks", "request.required.acks", "enable.idempotence"];

/// The keys of `[kafka]` that every client goes by. A section of configuration holds them; this is a look at it.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'a> {
    /// `host:port` each.
    pub brokers: &'a [String],
    pub client_id: &'a str,
    /// How often topics are looked for that did not exist, and partitions that were added.
    pub metadata_refresh_ms: u64,
    /// Further properties of librdkafka. An underscore in a name counts as a dot.
    pub properties: &'a BTreeMap<String, Secret>,
}

/// What writers may differ in.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    /// As librdkafka names it.
    pub compression: &'static str,
    /// Largest record, before compression.
    pub record_bytes_max: usize,
    /// How long the delivery of a record is tried before it counts as failed.
    pub delivery_timeout_ms: u64,
}

impl Cluster<'_> {
    /// What all our clients have in common.
    pub fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", self.brokers.join(","))
            .set("client.id", self.client_id)
            .set("socket.keepalive.enable", "true")
            .set(
                "topic.metadata.refresh.interval.ms",
                self.metadata_refresh_ms.to_string(),
            );
        for (name, value) in self.properties() {
            client.set(name, value.expose());
        }
        client
    }

    /// Delivered means: written by all replicas in sync, once.
    pub fn producer(&self, writing: Writing) -> ClientConfig {
        let mut producer = self.client();
        producer
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", writing.compression)
            .set("linger.ms", "5")
            .set("message.max.bytes", writing.record_bytes_max.to_string())
            .set(
                "delivery.timeout.ms",
                writing.delivery_timeout_ms.to_string(),
            );
        producer
    }

    /// Reports brokers that are no addresses, and properties that are not the operator's to set. `why` ends the sentence
    /// "… is set by Colloquy and cannot be changed: ".
    pub fn validate(&self, pinned: &[&[&str]], why: &str, problems: &mut Problems) {
        let is_address = |broker: &String| {
            broker
                .rsplit_once(':')
                .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
        };
        problems.require(
            !self.brokers.is_empty() && self.brokers.iter().all(is_address),
            "kafka.brokers",
            "give at least one `host:port`",
        );
        for (name, _) in self.properties() {
            problems.require(
                !pinned.iter().any(|pinned| pinned.contains(&name.as_str())),
                &format!("kafka.properties.{name}"),
                format!("is set by Colloquy and cannot be changed: {why}"),
            );
        }
    }

    /// The further properties under librdkafka's names.
    fn properties(&self) -> impl Iterator<Item = (String, &Secret)> {
        self.properties
            .iter()
            .map(|(name, value)| (name.replace('_', "."), value))
    }
}
