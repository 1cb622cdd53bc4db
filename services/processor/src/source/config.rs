//! The section `[kafka]`: where Kafka is, what is read from it, and how patient we are with it.

use crate::out::dead_letters::DeadLetterLimits;
use kafka::{Encoding, PINNED_FOR_READING, PINNED_FOR_WRITING, Signal, TopicConfig, is_topic_name};
use runtime::config::{Problems, Secret, list_or_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaConfig {
    /// `host:port` of some brokers; the others are learnt from them. A list, or one text with commas.
    #[serde(deserialize_with = "list_or_text")]
    pub brokers: Vec<String>,
    /// Processors with the same group share the partitions among them.
    pub group_id: String,
    /// A stable name of this process within the group. A restart within `session_timeout_ms` then moves no partitions.
    pub group_instance_id: Option<String>,
    /// How brokers know this process: in their logs, and for quotas.
    pub client_id: String,
    /// What is read. Topics that do not exist yet are waited for.
    pub topics: Vec<TopicConfig>,
    /// Where finalised conversations go.
    pub conversations_topic: String,
    /// Where records go that cannot be read.
    pub dead_letter_topic: String,
    /// When unreadable records pause their partition.
    pub dead_letters: DeadLetterLimits,
    pub create_topics: CreateTopicsConfig,
    /// A process that is silent for so long loses its partitions.
    pub session_timeout_ms: u64,
    /// A process whose poll thread does not turn for so long loses its partitions.
    pub max_poll_interval_ms: u64,
    /// How long a rebalance waits for the offsets of what is done, before those of the last commit are taken.
    pub revoke_wait_ms: u64,
    /// Offsets are committed at most this often.
    pub commit_interval_ms: u64,
    /// How often lag is measured, and the ends of partitions are looked for.
    pub statistics_interval_ms: u64,
    /// A partition that holds nothing more counts as so long ago, not as now: a record that is on its way from its
    /// producer for less than this is not late for a window.
    pub idle_lateness_ms: u64,
    /// How often topics are looked for that did not exist, and partitions that were added.
    pub metadata_refresh_ms: u64,
    /// Under back-pressure for so long, partitions are paused. Pausing throws away what was fetched, so not at once.
    pub pause_after_ms: u64,
    /// Bytes of records handed over and not yet decoded.
    pub queue_bytes_max: usize,
    /// Fetched beforehand, over all partitions.
    pub prefetch_kbytes: u64,
    /// Largest record that we write, before compression. The brokers have their own limit, after compression.
    pub produce_bytes_max: usize,
    /// How long the delivery of a record is tried before it counts as failed.
    pub delivery_timeout_ms: u64,
    /// Any further property of librdkafka, such as `security.protocol` or `sasl.password`. An underscore counts as a
    /// dot, so that environment variables can name them. Values are never shown.
    pub properties: BTreeMap<String, Secret>,
}

/// Creating the topics that are missing, for first steps and tests. Productive topics have owners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreateTopicsConfig {
    /// Whether missing topics are created.
    pub enabled: bool,
    /// Partitions of each.
    pub partitions: i32,
    /// Copies of each.
    pub replication: i32,
    /// Largest record that the created topics take.
    pub record_bytes_max: usize,
}

impl Default for CreateTopicsConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            partitions: 6,
            replication: 1,
            record_bytes_max: 10 * 1024 * 1024,
        }
    }
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: vec!["127.0.0.1:9092".to_owned()],
            group_id: "colloquy".to_owned(),
            group_instance_id: None,
            client_id: "colloquy-processor".to_owned(),
            topics: vec![
                TopicConfig::new("otlp_spans", Encoding::OtlpProto, Signal::Spans),
                TopicConfig::new("otlp_spans_json", Encoding::OtlpJson, Signal::Spans),
                TopicConfig::new("otlp_logs", Encoding::OtlpProto, Signal::Logs),
                TopicConfig::new("ingest-spans", Encoding::SentrySpanJson, Signal::Spans),
            ],
            conversations_topic: "conversations".to_owned(),
            dead_letter_topic: "spans.dlq".to_owned(),
            dead_letters: DeadLetterLimits::default(),
            create_topics: CreateTopicsConfig::default(),
            session_timeout_ms: 45_000,
            max_poll_interval_ms: 300_000,
            revoke_wait_ms: 5_000,
            commit_interval_ms: 1_000,
            statistics_interval_ms: 1_000,
            idle_lateness_ms: 2_000,
            metadata_refresh_ms: 10_000,
            pause_after_ms: 5_000,
            queue_bytes_max: 64 * 1024 * 1024,
            prefetch_kbytes: 64 * 1024,
            produce_bytes_max: 64 * 1024 * 1024,
            delivery_timeout_ms: 30_000,
            properties: BTreeMap::new(),
        }
    }
}

impl KafkaConfig {
    /// Reports what the types cannot.
    pub fn validate(&self, problems: &mut Problems) {
        self.cluster().validate(
            &[PINNED_FOR_READING, PINNED_FOR_WRITING],
            "its rules about offsets depend on it",
            problems,
        );
        problems.require(
            !self.group_id.is_empty(),
            "kafka.group_id",
            "must not be empty",
        );
        self.validate_topics(problems);
        self.validate_times(problems);
        for (key, bytes) in [
            ("kafka.queue_bytes_max", self.queue_bytes_max),
            ("kafka.produce_bytes_max", self.produce_bytes_max),
        ] {
            problems.require(
                (1_000..=1_000_000_000).contains(&bytes),
                key,
                "must be between 1,000 and 1,000,000,000",
            );
        }
        problems.require(
            (1..=2_097_151).contains(&self.prefetch_kbytes),
            "kafka.prefetch_kbytes",
            "must be between 1 and 2,097,151",
        );
        let create = &self.create_topics;
        problems.require(
            create.partitions > 0 && create.replication > 0,
            "kafka.create_topics",
            "partitions and replication must be above 0",
        );
        self.dead_letters.validate(problems);
    }

    fn validate_topics(&self, problems: &mut Problems) {
        problems.require(
            !self.topics.is_empty(),
            "kafka.topics",
            "name at least one topic to read",
        );
        let mut names = BTreeSet::new();
        for topic in &self.topics {
            problems.require(
                is_topic_name(&topic.name),
                "kafka.topics",
                format!(
                    "{:?} is no topic name: use 1 to 249 letters, digits, '.', '_' or '-'",
                    topic.name
                ),
            );
            problems.require(
                names.insert(topic.name.as_str()),
                "kafka.topics",
                format!(
                    "{:?} is named twice; one topic has one encoding",
                    topic.name
                ),
            );
        }
        for (key, name) in [
            ("kafka.conversations_topic", &self.conversations_topic),
            ("kafka.dead_letter_topic", &self.dead_letter_topic),
        ] {
            problems.require(is_topic_name(name), key, "must be a topic name");
            problems.require(
                !names.contains(name.as_str()),
                key,
                "is also read: what we write would come back to us",
            );
        }
    }

    fn validate_times(&self, problems: &mut Problems) {
        problems.require(
            self.revoke_wait_ms < self.session_timeout_ms,
            "kafka.revoke_wait_ms",
            "must be below session_timeout_ms: the group would give up on this process while it still waits",
        );
        problems.require(
            self.session_timeout_ms < self.max_poll_interval_ms,
            "kafka.session_timeout_ms",
            "must be below max_poll_interval_ms",
        );
        problems.require(
            self.pause_after_ms < self.max_poll_interval_ms / 2,
            "kafka.pause_after_ms",
            "must be below half of max_poll_interval_ms: nothing is polled until then",
        );
        problems.require(
            self.max_poll_interval_ms <= 86_400_000,
            "kafka.max_poll_interval_ms",
            "must be at most a day, 86,400,000",
        );
        problems.require(
            self.idle_lateness_ms <= 3_600_000,
            "kafka.idle_lateness_ms",
            "must be at most 3,600,000 (an hour): idle partitions would hold every window back for that long",
        );
        for (key, time_ms) in [
            ("kafka.commit_interval_ms", self.commit_interval_ms),
            ("kafka.statistics_interval_ms", self.statistics_interval_ms),
            ("kafka.metadata_refresh_ms", self.metadata_refresh_ms),
            ("kafka.delivery_timeout_ms", self.delivery_timeout_ms),
        ] {
            problems.require(
                (10..=3_600_000).contains(&time_ms),
                key,
                "must be between 10 and 3,600,000 (an hour)",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::config::{Config, load_from};

    #[derive(Debug, Default, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Settings {
        kafka: KafkaConfig,
    }

    impl Config for Settings {
        fn validate(&self, problems: &mut Problems) {
            self.kafka.validate(problems);
        }
    }

    fn load(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let variables = variables
            .iter()
            .map(|(key, value)| (format!("COLLOQUY_KAFKA__{key}"), (*value).to_owned()));
        load_from(None, variables)
            .map(|loaded| loaded.config)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_valid_and_can_be_changed() {
        let settings = load(&[
            ("BROKERS", "[\"a:1\", \"b:2\"]"),
            ("GROUP_INSTANCE_ID", "one"),
            (
                "TOPICS",
                "[{name=\"logs\", encoding=\"otlp_json\", signal=\"logs\"}]",
            ),
            ("PROPERTIES__SASL_PASSWORD", "hunter2"),
        ]);
        let kafka = settings.expect("valid").kafka;
        let consumer = kafka.consumer();
        assert_eq!(consumer.get("bootstrap.servers"), Some("a:1,b:2"));
        assert_eq!(consumer.get("group.instance.id"), Some("one"));
        assert_eq!(consumer.get("sasl.password"), Some("hunter2"));
        assert_eq!(kafka.topics[0].signal, Signal::Logs);
        let text = load(&[("BROKERS", "a:1, b:2")]).expect("valid").kafka;
        assert_eq!(text.brokers, kafka.brokers);
        assert!(!format!("{kafka:?}").contains("hunter2"));
        assert!(
            !serde_json::to_string(&kafka)
                .expect("json")
                .contains("hunter2")
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (key, value, complaint) in [
            ("BROKERS", "[]", "give at least one"),
            ("BROKERS", "[\"no-port\"]", "give at least one"),
            ("SESSION_TIMEOUT_MS", "300000", "below max_poll_interval_ms"),
            ("REVOKE_WAIT_MS", "45000", "below session_timeout_ms"),
            ("IDLE_LATENESS_MS", "3600001", "at most 3,600,000"),
            ("DEAD_LETTER_TOPIC", "otlp_spans", "would come back"),
            ("CONVERSATIONS_TOPIC", "a b", "must be a topic name"),
            ("TOPICS", "[]", "at least one topic"),
            ("PROPERTIES__ENABLE_AUTO_COMMIT", "yes", "cannot be changed"),
            ("DEAD_LETTERS__INVALID_RATIO_MAX", "1.5", "between 0 and 1"),
            ("DEAD_LETTERS__RECORDS_MIN", "1001", "window_records"),
            ("DEAD_LETTERS__PAUSE_MS", "0", "a second"),
        ] {
            let error = load(&[(key, value)]).expect_err(key);
            assert!(error.contains(complaint), "{key}: {error}");
        }
    }
}
