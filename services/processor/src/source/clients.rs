//! How our clients of Kafka are set up.

use super::config::KafkaConfig;
use kafka::{Cluster, Writing};
use rdkafka::ClientConfig;

impl KafkaConfig {
    pub(super) fn cluster(&self) -> Cluster<'_> {
        Cluster {
            brokers: &self.brokers,
            client_id: &self.client_id,
            metadata_refresh_ms: self.metadata_refresh_ms,
            properties: &self.properties,
        }
    }

    /// What all our clients have in common.
    pub(crate) fn client(&self) -> ClientConfig {
        self.cluster().client()
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
        self.cluster().producer(Writing {
            compression: "zstd",
            record_bytes_max: self.produce_bytes_max,
            delivery_timeout_ms: self.delivery_timeout_ms,
        })
    }
}

/// Kafka advises a third of the session timeout at most; more often costs little and is noticed sooner.
fn heartbeat_interval_ms(session_timeout_ms: u64) -> u64 {
    (session_timeout_ms / 10).max(1)
}
