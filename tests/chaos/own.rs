//! Scenarios that change Kafka or its topics have topics of their own, and an oracle that reads what is there afterwards.

use crate::census::Census;
use crate::durable::Durable;
use crate::load::{Load, Shape};
use crate::scenario::digest;
use crate::stage::{AGE_MS, Form, PARTITIONS, Stage};
use crate::subject::{Plan, Subject};
use anyhow::ensure;
use harness::clock::now_ms;
use harness::record::Producer;
use harness::topics::Topics;
use std::path::PathBuf;
use tokio::time::Instant;

/// Of record time, before now.
const OLD_MS: u64 = 300_000;
const LIVE: Shape = Shape {
    conversations: 60,
    turns: 3,
    duration_ms: 20_000,
    bare: 60,
    strays: 12,
    bad: 19,
    garbage: 60,
};

pub(crate) struct Own<'a> {
    pub(crate) stage: &'a Stage,
    /// Of the scenario.
    pub(crate) name: &'static str,
    pub(crate) random: fastrand::Rng,
    /// How often the fault shall be done.
    pub(crate) times: u32,
    pub(crate) topics: Topics,
    pub(crate) brokers: String,
    producer: Producer,
    seed: u64,
}

impl<'a> Own<'a> {
    /// # Errors
    /// When a client cannot be made.
    pub(crate) fn new(
        stage: &'a Stage,
        name: &'static str,
        seed: u64,
        times: u32,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            stage,
            name,
            random: fastrand::Rng::with_seed(seed),
            times,
            topics: Topics::with_prefix(&format!("{name}-")),
            brokers: stage.kafka.brokers(),
            producer: Producer::new(&stage.kafka.brokers())?,
            seed,
        })
    }

    /// Goes to other brokers than those of the stage.
    ///
    /// # Errors
    /// When a client cannot be made.
    pub(crate) fn move_to(&mut self, brokers: &str) -> anyhow::Result<()> {
        brokers.clone_into(&mut self.brokers);
        self.producer = Producer::new(brokers)?;
        Ok(())
    }

    /// A folder of this scenario.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.stage.folder.join(format!("{}-{name}", self.name));
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Sends conversations whose windows are over, before anybody reads. Returns the record time of the last.
    ///
    /// # Errors
    /// When Kafka does not take it.
    pub(crate) async fn send_old(&self) -> anyhow::Result<i64> {
        let shape = Shape {
            conversations: match self.stage.form {
                Form::Short => 100,
                Form::Long => 500,
            },
            turns: 5,
            duration_ms: OLD_MS,
            bare: 400,
            strays: 60,
            bad: 76,
            garbage: 70,
        };
        let load = self.load("old", shape, now_ms() as u64 - OLD_MS - AGE_MS);
        load.send(&self.producer).await?;
        Ok(load.last_ms())
    }

    /// Sends other conversations as they happen, now: readers who have come to the end count what is past as gone. Returns
    /// the record time of the last.
    ///
    /// # Errors
    /// When Kafka does not take it.
    pub(crate) async fn send_live(&self) -> anyhow::Result<i64> {
        let load = self.load("live", LIVE, now_ms() as u64);
        load.send_live(&self.producer).await
    }

    /// Sends records that nobody will read, all at once, and returns how many.
    ///
    /// # Errors
    /// When Kafka does not take it.
    pub(crate) async fn send_in_vain(&self) -> anyhow::Result<usize> {
        let load = self.load("vain", LIVE, now_ms() as u64);
        load.send(&self.producer).await?;
        Ok(load.records.len())
    }

    fn load(&self, part: &str, shape: Shape, begin_ms: u64) -> Load {
        let name = format!("{}-{part}", self.name);
        // Another seed for each, or their conversations would share traces.
        let seed = self.seed.wrapping_add(digest(part));
        Load::new(&self.topics, &name, seed, shape, begin_ms)
    }

    /// The system that the fault is done to, and its Redis.
    ///
    /// # Errors
    /// When topics or folders cannot be made.
    pub(crate) async fn subject(&self, processors: usize) -> anyhow::Result<(Subject, Durable)> {
        self.system(self.name, processors, true).await
    }

    /// What is right of all that stands in the topics now.
    ///
    /// # Errors
    /// When the oracle does not come to rest.
    pub(crate) async fn right(&self, part: &str, last_ms: i64) -> anyhow::Result<Census> {
        let name = format!("{}-oracle-{part}", self.name);
        let (mut oracle, _redis) = self.system(&name, 1, false).await?;
        let rest = oracle.rest(last_ms, Instant::now()).await;
        ensure!(
            rest.trouble.is_none(),
            "the oracle does not come to rest: {:?}",
            rest.trouble
        );
        oracle.census().await
    }

    async fn system(
        &self,
        name: &str,
        processors: usize,
        is_throttled: bool,
    ) -> anyhow::Result<(Subject, Durable)> {
        let folder = self.stage.folder.join(format!("{name}-redis"));
        std::fs::create_dir_all(&folder)?;
        let redis = Durable::start(&folder, &[]).await;
        let plan = Plan {
            processors,
            redis_urls: vec![redis.url()],
            is_cluster: false,
            brokers: self.brokers.clone(),
            is_throttled,
        };
        let (topics, brokers, folder) = (&self.topics, &self.brokers, &self.stage.folder);
        let subject = Subject::start(name, &plan, topics, brokers, folder, PARTITIONS).await?;
        Ok((subject, redis))
    }
}
