//! The topics of the system and their settings.

use anyhow::{Context, bail};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use std::time::Duration;

/// Enough for several processors to share the work on one machine.
pub const PARTITIONS: i32 = 6;

/// The names of the topics that one processor group works on.
#[derive(Clone, Debug)]
pub struct Topics {
    pub spans: String,
    pub spans_json: String,
    pub logs: String,
    pub sentry: String,
    pub conversations: String,
    pub dead_letters: String,
}

impl Default for Topics {
    fn default() -> Self {
        Self::with_prefix("")
    }
}

impl Topics {
    /// The standard names, each behind `prefix`.
    pub fn with_prefix(prefix: &str) -> Self {
        let name = |topic: &str| format!("{prefix}{topic}");
        Self {
            spans: name("otlp_spans"),
            spans_json: name("otlp_spans_json"),
            logs: name("otlp_logs"),
            sentry: name("ingest-spans"),
            conversations: name("conversations"),
            dead_letters: name("spans.dlq"),
        }
    }

    pub fn inputs(&self) -> [&str; 4] {
        [&self.spans, &self.spans_json, &self.logs, &self.sentry]
    }

    /// The topics that are read and how their records are written, as the setting `kafka.topics`.
    pub fn as_setting(&self) -> String {
        let input = |name: &str, encoding: &str, signal: &str| {
            format!("{{name = \"{name}\", encoding = \"{encoding}\", signal = \"{signal}\"}}")
        };
        let inputs = [
            input(&self.spans, "otlp_proto", "spans"),
            input(&self.spans_json, "otlp_json", "spans"),
            input(&self.logs, "otlp_proto", "logs"),
            input(&self.sentry, "sentry_span_json", "spans"),
        ];
        format!("[{}]", inputs.join(", "))
    }

    /// Creates those that do not exist, and returns once the broker serves them all.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses a topic.
    pub async fn create(&self, brokers: &str, partitions: i32) -> anyhow::Result<()> {
        self.create_replicated(brokers, partitions, 1).await
    }

    /// The same, with so many copies of each partition.
    ///
    /// # Errors
    /// When the brokers cannot be reached or refuse a topic.
    pub async fn create_replicated(
        &self,
        brokers: &str,
        partitions: i32,
        copies: i32,
    ) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = crate::kafka::client(brokers).create()?;
        let mut topics: Vec<NewTopic<'_>> = self
            .inputs()
            .into_iter()
            .map(|name| NewTopic::new(name, partitions, TopicReplication::Fixed(copies)))
            .collect();
        topics.push(
            // Keyed by conversation: the newest revision of each is what must stay.
            NewTopic::new(
                &self.conversations,
                partitions,
                TopicReplication::Fixed(copies),
            )
            .set("cleanup.policy", "compact"),
        );
        topics.push(NewTopic::new(
            &self.dead_letters,
            1,
            TopicReplication::Fixed(copies),
        ));
        let timeout = Duration::from_secs(30);
        let options = AdminOptions::new().operation_timeout(Some(timeout));
        for outcome in admin.create_topics(&topics, &options).await? {
            match outcome {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => bail!("Kafka refused to create topic {name}: {code}"),
            }
        }
        self.await_leaders(&admin, timeout).await
    }

    /// A topic that was just created has no leader for a moment; producing to it then fails.
    async fn await_leaders(
        &self,
        admin: &AdminClient<DefaultClientContext>,
        timeout: Duration,
    ) -> anyhow::Result<()> {
        let start = std::time::Instant::now();
        let names = self
            .inputs()
            .into_iter()
            .chain([self.conversations.as_str(), &self.dead_letters]);
        for name in names {
            loop {
                let metadata = admin
                    .inner()
                    .fetch_metadata(Some(name), Duration::from_secs(5))
                    .with_context(|| format!("asking for topic {name}"))?;
                let partitions = metadata
                    .topics()
                    .first()
                    .map_or(&[][..], |topic| topic.partitions());
                if !partitions.is_empty()
                    && partitions.iter().all(|partition| partition.leader() >= 0)
                {
                    break;
                }
                if start.elapsed() > timeout {
                    bail!("topic {name} has no leader after {timeout:?}");
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }
}
