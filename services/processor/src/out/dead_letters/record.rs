//! Which partitions are paused, as the store has it: so that it outlives a restart and a rebalance, and an operator can
//! end it (`processor resume`).

use super::breaker::Pause;
use super::guard::Guard;
use crate::config::ProcessorSettings;
use crate::shards::retry::StoreHealth;
use crate::source::TopicPartition;
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::warn;

const TICK: Duration = Duration::from_secs(1);

/// Keeps the store's record and the breakers in line.
#[derive(Debug)]
pub struct Recording {
    pub store: Store,
    pub group: String,
    pub health: Arc<StoreHealth>,
    pub guard: Arc<Guard>,
    pub stopping: CancellationToken,
}

impl Recording {
    pub async fn run(self) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.stopping.cancelled() => return Ok(()),
            }
            // While the store is away, what is paused stays paused, and goes on by itself.
            if let Err(cause) = self.round().await {
                self.health.failed("pauses", &cause);
            }
        }
    }

    async fn round(&self) -> Result<(), store::Error> {
        for (partition, pause) in self.guard.unrecorded() {
            let (topic, number) = (&*partition.topic, partition.partition);
            match pause.as_ref().map(serde_json::to_string) {
                Some(Ok(text)) => {
                    let store = &self.store;
                    store.set_pause(&self.group, topic, number, &text).await?;
                }
                // Cannot happen: it is numbers and a text.
                Some(Err(cause)) => warn!(error = %cause, "a pause cannot be written down"),
                None => drop(self.store.remove_pause(&self.group, topic, number).await?),
            }
            self.guard.recorded(&partition, pause);
        }
        self.guard.found(&look(&self.store, &self.group).await?);
        Ok(())
    }
}

async fn look(store: &Store, group: &str) -> Result<BTreeMap<TopicPartition, Pause>, store::Error> {
    let read = |((topic, number), text): ((String, i32), String)| {
        let pause = serde_json::from_str(&text);
        // Of a version that writes them otherwise: it stands for something all the same.
        let pause = pause.unwrap_or(Pause {
            since_ms: 0,
            until_ms: 0,
            trials: 0,
            why: text,
        });
        (TopicPartition::new(topic, number), pause)
    };
    Ok(store.pauses(group).await?.into_iter().map(read).collect())
}

/// The command `resume`: lets paused partitions go on, or lists them when none is named.
#[expect(clippy::print_stdout, reason = "what the command was asked for")]
pub async fn resume(
    settings: &ProcessorSettings,
    named: &[String],
    all: bool,
) -> anyhow::Result<()> {
    let store = Store::connect(&settings.redis).await.context("redis")?;
    let group = &settings.kafka.group_id;
    let paused = look(&store, group).await.context("redis")?;
    for name in named {
        anyhow::ensure!(
            paused
                .keys()
                .any(|partition| partition.to_string() == *name),
            "{name} is not paused; `processor resume` lists what is"
        );
    }
    for (partition, pause) in &paused {
        if all || named.contains(&partition.to_string()) {
            let (topic, number) = (&*partition.topic, partition.partition);
            let removed = store.remove_pause(group, topic, number).await;
            removed.context("redis")?;
            println!("{partition} goes on");
        } else if named.is_empty() {
            println!("{partition} is paused: {}", pause.why);
        }
    }
    if paused.is_empty() {
        println!("no partition is paused");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::out::dead_letters::breaker::Verdict;
    use crate::out::dead_letters::{DeadLetterLimits, Rejection};
    use runtime::clock::ManualClock;
    use runtime::health::Health;
    use store::StoreConfig;
    use store::testing::RedisServer;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new("otlp_spans", number)
    }

    async fn process(redis: &StoreConfig) -> (Recording, Health) {
        let health = Health::default();
        let limits = DeadLetterLimits {
            records_min: 2,
            ..DeadLetterLimits::default()
        };
        let condition = health.condition("paused_partitions");
        let guard = Guard::new(limits, Arc::new(ManualClock::default()), condition);
        guard.begin([partition(0), partition(1)]);
        let recording = Recording {
            store: Store::connect(redis).await.expect("a store"),
            group: ProcessorSettings::default().kafka.group_id,
            health: Arc::new(StoreHealth::new(health.condition("store"))),
            guard: Arc::new(guard),
            stopping: CancellationToken::new(),
        };
        (recording, health)
    }

    #[tokio::test]
    async fn a_pause_outlives_its_process_is_told_and_ends_by_command() {
        let server = RedisServer::start().await.expect("a server");
        let redis = server.config();
        let (first, health) = process(&redis).await;
        first.round().await.expect("nothing yet");
        let bad = Rejection::Undecodable("it is nonsense".to_owned());
        for verdict in [Verdict::GoOn, Verdict::Abandon] {
            assert_eq!(first.guard.judge(&partition(0), Some(&bad)), verdict);
        }
        let ready = health.ready();
        assert!(ready.ok, "others go on: {ready:?}");
        let told = &ready.checks["paused_partitions"];
        assert!(
            told.contains("otlp_spans/0") && told.contains("it is nonsense"),
            "{told}"
        );
        first.round().await.expect("written down");
        drop(first);

        let (second, health) = process(&redis).await;
        second.round().await.expect("found");
        assert_eq!(second.guard.open(), [partition(0)].into());
        let settings = ProcessorSettings {
            redis,
            ..ProcessorSettings::default()
        };
        let other = resume(&settings, &["otlp_spans/1".to_owned()], false).await;
        let refused = other.expect_err("is not paused").to_string();
        assert!(refused.contains("otlp_spans/1 is not paused"), "{refused}");
        let listed = resume(&settings, &[], false).await;
        listed.expect("listed");
        second.round().await.expect("still there");
        assert_eq!(second.guard.open().len(), 1, "a list changes nothing");
        let named = resume(&settings, &["otlp_spans/0".to_owned()], false).await;
        named.expect("removed");
        second.round().await.expect("gone");
        assert_eq!(second.guard.open(), [].into());
        assert_eq!(health.ready().checks["paused_partitions"], "ok");
    }
}
