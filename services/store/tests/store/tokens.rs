//! A Redis that lost its last writes gives their versions to something else; nobody builds on what was lost.

use crate::support::{Random, connect, digest, entry, eventually, next, raw, summary};
use store::testing::RedisServer;
use store::{Commit, Store, StoreConfig, Summary};

/// What one writer believes to be stored: the summary, with its token, and the texts of the log.
#[derive(Clone)]
struct Belief {
    summary: Summary,
    log: Vec<String>,
}

impl Belief {
    fn nothing() -> Self {
        Self {
            summary: Summary {
                version: 0,
                entries: 0,
                ..summary("shop", "c-1", 0..=1)
            },
            log: Vec::new(),
        }
    }

    /// Tries to add a text. False, and nothing is believed any more, when something else is stored.
    async fn add(&mut self, store: &Store, text: &str) -> bool {
        let attempt = next(&self.summary);
        match store.commit(&attempt, Some(&entry(text))).await.unwrap() {
            Commit::Done { token } => {
                self.summary = Summary { token, ..attempt };
                self.log.push(text.to_owned());
                true
            }
            Commit::Conflict { .. } => {
                *self = Self::nothing();
                false
            }
        }
    }

    async fn read(&mut self, store: &Store, texts: &[String]) {
        *self = Self::nothing();
        let Some(snapshot) = store.load(&self.summary.key, 0).await.unwrap() else {
            return;
        };
        self.summary = snapshot.summary;
        let text_of = |stored: &_| texts.iter().find(|text| entry(text) == *stored);
        let log = snapshot.entries.iter().map(text_of);
        self.log = log
            .map(|text| text.expect("it was written").clone())
            .collect();
    }
}

#[tokio::test]
async fn nobody_builds_on_what_redis_has_lost() {
    const SEEDS: u64 = 8;
    const STEPS: usize = 60;
    let server = RedisServer::start().await.unwrap();
    let mut collisions = 0;
    for seed in 0..SEEDS {
        let config = server.config();
        let store = connect(&config).await;
        let log = format!(
            "{}:c:{{{}}}:log",
            config.key_prefix,
            digest(&Belief::nothing().summary)
        );
        let keys = [log.replace(":log", ":sum"), log];
        let mut random = Random::new(seed);
        let mut writers = [Belief::nothing(), Belief::nothing()];
        let (mut kept, mut texts) = ([None, None], Vec::new());
        for step in 0..STEPS {
            let chosen = random.below(2) as usize;
            match random.below(8) {
                0 => kept = dumped(&config, &keys).await,
                1 => restore(&config, &keys, &kept).await,
                2 => writers[chosen].read(&store, &texts).await,
                _ => {
                    let text = format!("{seed} {step}");
                    texts.push(text.clone());
                    let believed = writers[chosen].summary.version;
                    let mut stored = Belief::nothing();
                    stored.read(&store, &texts).await;
                    let is_known = stored.summary.token == writers[chosen].summary.token;
                    collisions += u32::from(stored.summary.version == believed && !is_known);
                    assert_eq!(writers[chosen].add(&store, &text).await, is_known);
                    let mut after = Belief::nothing();
                    after.read(&store, &texts).await;
                    let expected = if is_known { &writers[chosen] } else { &stored };
                    assert_eq!(after.log, expected.log, "seed {seed}, step {step}");
                    assert_eq!(after.summary, expected.summary, "seed {seed}, step {step}");
                }
            }
        }
    }
    assert!(
        collisions > 0,
        "never was a version equal and its token not"
    );
}

type Dump = Option<Vec<u8>>;

async fn dumped(config: &StoreConfig, keys: &[String; 2]) -> [Dump; 2] {
    let dump = |key: &String| redis::cmd("DUMP").arg(key).clone();
    [
        raw(config, &dump(&keys[0])).await,
        raw(config, &dump(&keys[1])).await,
    ]
}

/// As after the loss of everything that was written since the dump.
async fn restore(config: &StoreConfig, keys: &[String; 2], dumps: &[Dump; 2]) {
    for (key, dump) in keys.iter().zip(dumps) {
        raw::<redis::Value>(config, redis::cmd("DEL").arg(key)).await;
        if let Some(dump) = dump {
            let mut restore = redis::cmd("RESTORE");
            restore.arg(key).arg(0).arg(dump);
            raw::<redis::Value>(config, &restore).await;
        }
    }
}

#[tokio::test]
async fn a_writer_from_before_a_loss_meets_a_conflict_although_the_version_fits() {
    let mut server = RedisServer::start().await.unwrap();
    let config = server.config();
    let store = connect(&config).await;
    let mut one = Belief::nothing();
    assert!(one.add(&store, "kept").await);
    let mut two = one.clone();
    server.save().await.unwrap();
    assert!(one.add(&store, "lost").await);
    server.kill().unwrap();
    server.start_again().await.unwrap();
    eventually("the store answers again", || async {
        store.ping().await.is_ok()
    })
    .await;
    assert!(two.add(&store, "written since").await);
    assert_eq!(one.summary.version, two.summary.version);
    let stale = next(&one.summary);
    assert_eq!(
        store.commit(&stale, Some(&entry("more"))).await.unwrap(),
        Commit::Conflict { version: 2 }
    );
    assert!(two.add(&store, "more").await);
}
