//! One whole system for one test: its own topics and consumer group on the shared broker, its own Redis, a processor
//! and a gateway.

use crate::eventually;
use crate::graphql::Client;
use crate::intake::Intake;
use crate::kafka::Kafka;
use crate::record::{Producer, Record, read_all};
use crate::redis::{Redis, RedisCluster};
use crate::services::{Service, Settings};
use crate::topics::Topics;
use anyhow::ensure;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::time::Duration;
use store::testing::free_port;
use tempfile::TempDir;

/// Few enough that a test's records meet, enough that order across partitions is nobody's promise.
const PARTITIONS: i32 = 3;
/// A span without a conversation id holds its offset back for this long. The default of a minute suits exporters that
/// flush now and then; tests send whole traces at once.
const RESOLVE_SETTLE_MS: u64 = 2_000;
/// A processor that was killed gives up its partitions after this long.
const SESSION_TIMEOUT_MS: u64 = 20_000;
/// For everything that a test sends at once, on a small and busy machine.
const SETTLE_DEADLINE: Duration = Duration::from_secs(120);

/// `R` is where the state lives: one [`Redis`] or a [`RedisCluster`].
#[derive(Debug)]
pub struct Stack<R = Redis> {
    pub topics: Topics,
    pub client: Client,
    pub processor: Service,
    pub gateway: Service,
    pub redis: R,
    pub kafka: &'static Kafka,
    group: String,
    settings: Settings,
    producer: Producer,
    directory: TempDir,
}

impl Stack {
    /// `name` must be one test's alone: it names topics and group.
    pub async fn start(name: &str) -> Self {
        Self::start_with(name, Settings::default()).await
    }

    pub async fn start_with(name: &str, settings: Settings) -> Self {
        let redis = Redis::start().await;
        let urls = [redis.url()];
        Self::assemble(name, settings.set_list("redis.urls", &urls), redis).await
    }

    /// Another system that reads the same records, with a consumer group, outputs and a Redis of its own.
    pub async fn beside(&self, name: &str, settings: Settings) -> Self {
        let redis = Redis::start().await;
        let urls = [redis.url()];
        let outputs = Topics::with_prefix(&format!("{name}-"));
        let topics = Topics {
            conversations: outputs.conversations,
            dead_letters: outputs.dead_letters,
            ..self.topics.clone()
        };
        Self::read(topics, name, settings.set_list("redis.urls", &urls), redis).await
    }
}

impl Stack<RedisCluster> {
    pub async fn start_on_cluster(name: &str) -> Self {
        let redis = RedisCluster::start().await;
        let settings = Settings::default()
            .set_list("redis.urls", &redis.urls())
            .set("redis.cluster", true);
        Self::assemble(name, settings, redis).await
    }
}

impl<R> Stack<R> {
    async fn assemble(name: &str, settings: Settings, redis: R) -> Self {
        let topics = Topics::with_prefix(&format!("{name}-"));
        Self::read(topics, name, settings, redis).await
    }

    async fn read(topics: Topics, name: &str, settings: Settings, redis: R) -> Self {
        let kafka = Kafka::shared().await;
        topics
            .create(&kafka.brokers(), PARTITIONS)
            .await
            .expect("topics");
        let directory = tempfile::tempdir().expect("a temporary folder");
        let gateway_port = free_port();
        let settings = Settings::default()
            .set_list("kafka.brokers", &[kafka.brokers()])
            .set("kafka.group_id", name)
            .set("kafka.topics", topics.as_setting())
            .set("kafka.conversations_topic", &topics.conversations)
            .set("kafka.dead_letter_topic", &topics.dead_letters)
            .set("kafka.session_timeout_ms", SESSION_TIMEOUT_MS)
            .set("processor.stop_grace_ms", SESSION_TIMEOUT_MS / 2)
            .set("processor.resolve.settle_ms", RESOLVE_SETTLE_MS)
            .set("gateway.bind", format!("127.0.0.1:{gateway_port}"))
            .over(settings);
        let processor = Service::start("processor", directory.path(), settings.clone()).await;
        let gateway = Service::start("gateway", directory.path(), settings.clone()).await;
        Self {
            topics,
            client: Client::new(gateway_port),
            processor,
            gateway,
            redis,
            kafka,
            group: name.to_owned(),
            settings,
            producer: Producer::new(&kafka.brokers()).expect("a producer"),
            directory,
        }
    }

    /// One more processor of the same group.
    pub async fn another_processor(&self) -> Service {
        Service::start("processor", self.directory.path(), self.settings.clone()).await
    }

    /// The front door for SDKs, writing to this system's topics.
    pub async fn intake(&self) -> Intake {
        self.intake_with(Settings::default()).await
    }

    pub async fn intake_with(&self, settings: Settings) -> Intake {
        Intake::start(self.directory.path(), self.settings.clone().over(settings)).await
    }

    /// One more gateway over the same state, and its port.
    pub async fn another_gateway(&self, settings: Settings) -> (Service, u16) {
        let port = free_port();
        let settings = self
            .settings
            .clone()
            .set("gateway.bind", format!("127.0.0.1:{port}"))
            .over(settings);
        let gateway = Service::start("gateway", self.directory.path(), settings).await;
        (gateway, port)
    }

    pub async fn send(&self, records: impl IntoIterator<Item = Record>) {
        self.producer
            .send(records)
            .await
            .expect("Kafka takes the records");
    }

    /// Waits until the processors have done all that was sent: until they committed every offset, which they promise to
    /// do only then.
    pub async fn settle(&self) {
        eventually("all records are processed", SETTLE_DEADLINE, async || {
            self.lag().await
        })
        .await;
    }

    async fn lag(&self) -> anyhow::Result<()> {
        let client = self.kafka.client();
        let (group, inputs) = (self.group.clone(), self.topics.inputs().map(str::to_owned));
        let behind = tokio::task::spawn_blocking(move || behind(client, &group, &inputs)).await??;
        ensure!(behind == 0, "{behind} records are not committed");
        Ok(())
    }

    pub async fn dead_letters(&self) -> Vec<Record> {
        read_all(&self.kafka.brokers(), &self.topics.dead_letters)
            .await
            .expect("the topic is readable")
    }

    pub async fn finalised(&self) -> Vec<Record> {
        read_all(&self.kafka.brokers(), &self.topics.conversations)
            .await
            .expect("the topic is readable")
    }
}

/// How many records of the topics the group has not committed.
fn behind(
    mut client: rdkafka::ClientConfig,
    group: &str,
    topics: &[String],
) -> anyhow::Result<i64> {
    let timeout = Duration::from_secs(5);
    let consumer: BaseConsumer = client.set("group.id", group).create()?;
    let mut partitions = TopicPartitionList::new();
    for topic in topics {
        partitions.add_partition_range(topic, 0, PARTITIONS - 1);
    }
    let committed = consumer.committed_offsets(partitions, timeout)?;
    let mut behind = 0;
    for partition in committed.elements() {
        let (_, end) =
            consumer.fetch_watermarks(partition.topic(), partition.partition(), timeout)?;
        // A partition in which nothing was ever committed has no offset.
        behind += end - partition.offset().to_raw().unwrap_or(0).max(0);
    }
    Ok(behind)
}
