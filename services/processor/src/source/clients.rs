//! How our clients of Kafka are set up.

use super::config::KafkaConfig;
use rdkafka::ClientConfig;
use runtime::config::Secret;

/// Properties of librdkafka that our rules of correctness depend on.
pub(super) const PINNED: &[&str] = &[
    "auto.offset.reset",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.protocol",
    "partition.assignment.strategy",
    "acks",
    "request.required.acks",
];

impl KafkaConfig {
    /// The further properties under librdkafka's names.
    pub(super) fn properties(&self) -> impl Iterator<Item = (String, &Secret)> {
        self.properties
            .iter()
            .map(|(name, value)| (name.replace('_', "."), value))
    }

    /// What all our clients have in common.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", self.brokers.join(","))
            .set("client.id", &self.client_id)
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

    pub(crate) fn consumer(&self) -> ClientConfig {
        let mut consumer = self.client();
        consumer
            .set("group.id", &self.group_id)
            // Offsets are committed when what they stand for is done, and by nobody else.
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            // Spans and logs of one trace share a key: range gives the same partition of all topics to one process.
            // It is also an eager assignor, so that an assignment is always the whole one.
            .set("partition.assignment.strategy", "range")
            .set("group.protocol", "classic")
            .set("allow.auto.create.topics", "false")
            .set("session.timeout.ms", self.session_timeout_ms.to_string())
            .set(
                "heartbeat.interval.ms",
                heartbeat_interval_ms(self.session_timeout_ms).to_string(),
            )
            .set(
                "max.poll.interval.ms",
                self.max_poll_interval_ms.to_string(),
            )
            .set(
                "queued.max.messages.kbytes",
                self.prefetch_kbytes.to_string(),
            )
            .set(
                "statistics.interval.ms",
                self.statistics_interval_ms.to_string(),
            );
        if let Some(instance) = self
            .group_instance_id
            .as_deref()
            .filter(|name| !name.is_empty())
        {
            consumer.set("group.instance.id", instance);
        }
        consumer
    }

    /// Delivered means: written by all replicas in sync, once.
    pub(crate) fn producer(&self) -> ClientConfig {
        let mut producer = self.client();
        producer
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "zstd")
            .set("linger.ms", "5")
            .set("message.max.bytes", self.produce_bytes_max.to_string())
            .set("delivery.timeout.ms", self.delivery_timeout_ms.to_string());
        producer
    }
}

/// Kafka advises a third of the session timeout at most; more often costs little and is noticed sooner.
fn heartbeat_interval_ms(session_timeout_ms: u64) -> u64 {
    (session_timeout_ms / 10).max(1)
}
