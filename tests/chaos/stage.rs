//! What all scenarios share: Kafka, the load in its topics, and the oracle, which reads the same and is left in peace.

use crate::census::Census;
use crate::durable::Durable;
use crate::load::{Load, Shape};
use crate::proxy::Proxy;
use crate::state::Place;
use crate::subject::{Plan, Subject};
use anyhow::ensure;
use harness::clock::now_ms;
use harness::kafka::Kafka;
use harness::record::Producer;
use harness::topics::Topics;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::testing::free_port;
use tokio::time::Instant;

pub(crate) const PARTITIONS: i32 = 3;
/// The load ends so long before now that all its windows are due.
pub(crate) const AGE_MS: u64 = 40_000;
/// Making and sending the load takes less than this.
const SENDING_MS: u64 = 20_000;

/// How much is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    Short,
    Long,
}

impl Form {
    /// What stands in the topics before anything begins.
    fn load(self) -> Shape {
        match self {
            Self::Short => Shape {
                conversations: 170,
                turns: 4,
                duration_ms: 300_000,
                bare: 300,
                strays: 48,
                bad: 57,
                garbage: 60,
            },
            Self::Long => Shape {
                conversations: 900,
                turns: 3,
                duration_ms: 900_000,
                bare: 1_500,
                strays: 240,
                bad: 190,
                garbage: 100,
            },
        }
    }

    /// Every conversation is listed so soon, counted from its first record or from the last fault. Where Redis is slow, all
    /// that was sent before it may be left to be read; else it is much sooner than if whatever waits for an id held up
    /// what comes after it.
    pub(crate) fn listed_within(self, place: Place) -> Duration {
        match (place, self) {
            (Place::Slow, Self::Short) => Duration::from_secs(90),
            (Place::Slow, Self::Long) => Duration::from_secs(150),
            _ => Duration::from_secs(45),
        }
    }

    /// What is sent during the faults of one scenario.
    fn live(self) -> Shape {
        Shape {
            conversations: 40,
            turns: 4,
            duration_ms: match self {
                Self::Short => 15_000,
                Self::Long => 20_000,
            },
            bare: 120,
            strays: 12,
            bad: 19,
            garbage: 60,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) kafka: Kafka,
    /// To the listener of Kafka that knows no other address than this.
    pub(crate) kafka_proxy: Arc<Proxy>,
    pub(crate) topics: Topics,
    pub(crate) producer: Producer,
    pub(crate) form: Form,
    pub(crate) folder: PathBuf,
    oracle: Subject,
    _redis: Durable,
    last_ms: i64,
}

impl Stage {
    /// Starts Kafka, sends the load and lets the oracle read it.
    ///
    /// # Errors
    /// When Kafka does not take the load.
    pub(crate) async fn build(form: Form, seed: u64, folder: &Path) -> anyhow::Result<Self> {
        let proxy_port = free_port();
        std::fs::create_dir_all(folder.join("kafka"))?;
        let kafka = Kafka::start(&folder.join("kafka"), Some(proxy_port)).await;
        let kafka_proxy = Proxy::start(proxy_port, kafka.port_behind_proxy()).await?;
        let topics = Topics::with_prefix("chaos-");
        topics.create(&kafka.brokers(), PARTITIONS).await?;
        let producer = Producer::new(&kafka.brokers())?;
        let shape = form.load();
        let begin_ms = now_ms() as u64 - shape.duration_ms - AGE_MS - SENDING_MS;
        let load = Load::new(&topics, "base", seed, shape, begin_ms);
        load.send(&producer).await?;
        eprintln!(
            "{} records of {} spans of {} conversations are in Kafka, {} of them broken",
            load.records.len(),
            load.expected_spans,
            load.expected_conversations,
            load.letters
        );
        let redis_folder = folder.join("oracle-redis");
        std::fs::create_dir_all(&redis_folder)?;
        let redis = Durable::start(&redis_folder, &[]).await;
        let plan = Plan {
            processors: 1,
            redis_urls: vec![redis.url()],
            is_cluster: false,
            brokers: kafka.brokers(),
            is_throttled: false,
        };
        let brokers = kafka.brokers();
        let oracle = Subject::start("oracle", &plan, &topics, &brokers, folder, PARTITIONS).await?;
        let mut stage = Self {
            kafka,
            kafka_proxy: Arc::new(kafka_proxy),
            topics,
            producer,
            form,
            folder: folder.to_owned(),
            oracle,
            _redis: redis,
            last_ms: load.last_ms(),
        };
        let census = stage.right().await?;
        ensure!(
            census.spans() == load.expected_spans
                && census.conversations() == load.expected_conversations
                && census.letters() == load.letters,
            "the oracle knows {} spans of {} conversations and {} dead letters",
            census.spans(),
            census.conversations(),
            census.letters()
        );
        ensure!(
            stage.oracle.watch.has_paused(),
            "no partition was paused although nothing of it could be read"
        );
        Ok(stage)
    }

    /// What is sent during the faults of one scenario, beginning now.
    pub(crate) fn live(&self, name: &str, seed: u64) -> Load {
        let begin_ms = now_ms() as u64;
        let shape = self.form.live();
        let topics = &self.topics;
        let load = Load::new(topics, &format!("{name}-{seed}"), seed, shape, begin_ms);
        // Some conversations of the load go on: what is finalised opens again.
        let again = Shape {
            conversations: shape.conversations / 4,
            ..shape.without_strays()
        };
        load.and(Load::new(topics, "base", seed ^ 1, again, begin_ms))
    }

    /// Records up to this time have been sent.
    pub(crate) fn sent_until(&mut self, last_ms: i64) {
        self.last_ms = self.last_ms.max(last_ms);
    }

    pub(crate) fn last_ms(&self) -> i64 {
        self.last_ms
    }

    /// What is right now: waits until the oracle is at rest.
    ///
    /// # Errors
    /// When the oracle does not come to rest, or contradicts itself.
    pub(crate) async fn right(&mut self) -> anyhow::Result<Census> {
        let rest = self.oracle.rest(self.last_ms, Instant::now()).await;
        ensure!(
            rest.trouble.is_none(),
            "the oracle does not come to rest: {:?}",
            rest.trouble
        );
        let census = self.oracle.census().await?;
        ensure!(
            census.ambiguous() == 0,
            "the oracle published {} revisions with several contents",
            census.ambiguous()
        );
        Ok(census)
    }
}

/// Sleeps for a time within the range: faults come when they come.
pub(crate) async fn pause(random: &mut fastrand::Rng, ms: std::ops::Range<u64>) {
    tokio::time::sleep(Duration::from_millis(random.u64(ms))).await;
}
