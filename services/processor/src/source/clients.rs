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
        for (name, time_ms) in patience(self.session_timeout_ms) {
            if consumer.get(name).is_none() {
                consumer.set(name, time_ms.to_string());
            }
        }
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

/// How patient the client is with a broker, unless the properties say otherwise: an outage that is shorter than the session
/// must not cost us the partitions. By itself it waits for up to ten seconds between two tries to connect, and for a minute
/// for each answer. A question for the group's coordinator that was on its way when the broker went is not asked again
/// before that is over, and until then nobody is told that we live.
fn patience(session_timeout_ms: u64) -> [(&'static str, u64); 2] {
    [
        // No less than its first wait.
        (
            "reconnect.backoff.max.ms",
            heartbeat_interval_ms(session_timeout_ms).clamp(100, 10_000),
        ),
        // No less than a fetch may wait for records, and a second.
        (
            "socket.timeout.ms",
            (session_timeout_ms / 2).clamp(2_000, 60_000),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::config::Secret;

    #[test]
    fn the_client_is_less_patient_with_a_broker_than_the_group_is_with_us() {
        let set = |session_timeout_ms, property: Option<&str>| {
            let property = property.map(|name| (name.to_owned(), Secret::new("7000")));
            let config = KafkaConfig {
                session_timeout_ms,
                properties: property.into_iter().collect(),
                ..KafkaConfig::default()
            };
            let consumer = config.consumer();
            let get = |name| consumer.get(name).unwrap_or_default().to_owned();
            (get("reconnect.backoff.max.ms"), get("socket.timeout.ms"))
        };
        let text = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(set(45_000, None), text("4500", "22500"));
        assert_eq!(set(600_000, None), text("10000", "60000"));
        assert_eq!(
            set(10, None),
            text("100", "2000"),
            "the client takes no less"
        );
        assert_eq!(set(45_000, Some("socket_timeout_ms")), text("4500", "7000"));
    }
}
