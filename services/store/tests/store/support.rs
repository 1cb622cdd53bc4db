//! Shared servers, and conversations to put into them.

use domain::facts::{Body, Entry, SpanFact};
use domain::ids::{ConversationKey, Digest, SpanId, SpanKey, TraceId};
use domain::message::{Message, Role};
use domain::span::{Operation, User};
use domain::view::Totals;
use domain::window::{Window, Windows};
use std::sync::Arc;
use std::time::Duration;
use store::testing::{RedisCluster, RedisServer};
use store::{Commit, Error, IndexUpdate, Store, StoreConfig, Summary};
use tokio::sync::OnceCell;

pub(crate) async fn single() -> StoreConfig {
    static SERVER: OnceCell<RedisServer> = OnceCell::const_new();
    SERVER
        .get_or_init(|| async { RedisServer::start().await.expect("redis-server starts") })
        .await
        .config()
}

pub(crate) async fn cluster() -> StoreConfig {
    static CLUSTER: OnceCell<RedisCluster> = OnceCell::const_new();
    CLUSTER
        .get_or_init(|| async { RedisCluster::start().await.expect("the cluster starts") })
        .await
        .config()
}

/// Makes two tests of each function: on a single Redis and on a cluster. The function takes a configuration with a key
/// prefix of its own.
macro_rules! on_single_and_cluster {
    ($($name:ident),* $(,)?) => {
        mod single {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::single().await).await;
            })*
        }
        mod cluster {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::cluster().await).await;
            })*
        }
    };
}
pub(crate) use on_single_and_cluster;

pub(crate) async fn connect(config: &StoreConfig) -> Store {
    Store::connect(config).await.expect("connects")
}

/// Sends a command to the node of its key.
pub(crate) async fn raw<T: redis::FromRedisValue>(config: &StoreConfig, command: &redis::Cmd) -> T {
    let urls = config.urls.clone();
    if config.cluster {
        let client = redis::cluster::ClusterClient::new(urls).unwrap();
        command
            .query_async(&mut client.get_async_connection().await.unwrap())
            .await
            .unwrap()
    } else {
        let client = redis::Client::open(urls[0].as_str()).unwrap();
        command
            .query_async(&mut client.get_multiplexed_async_connection().await.unwrap())
            .await
            .unwrap()
    }
}

/// Overwrites what is stored of a conversation's summary with what nobody can read.
pub(crate) async fn damage(config: &StoreConfig, summary: &Summary) {
    overwrite(config, summary, b"0{").await;
}

/// Overwrites what is stored of a conversation's summary; returns what it was.
pub(crate) async fn overwrite(config: &StoreConfig, summary: &Summary, bytes: &[u8]) -> Vec<u8> {
    let key = summary_key(config, summary);
    let stored: Vec<u8> = raw(config, redis::cmd("HGET").arg(&key).arg("s")).await;
    raw::<redis::Value>(config, redis::cmd("HSET").arg(&key).arg("s").arg(bytes)).await;
    stored
}

pub(crate) fn summary_key(config: &StoreConfig, summary: &Summary) -> String {
    format!("{}:c:{{{}}}:sum", config.key_prefix, summary.key.digest())
}

pub(crate) const SECOND_NS: i64 = 1_000_000_000;
/// 2026-01-01.
pub(crate) const START_NS: i64 = 1_767_225_600 * SECOND_NS;

pub(crate) fn key(project: &str, id: &str) -> ConversationKey {
    ConversationKey {
        project: project.to_owned(),
        id: id.to_owned(),
    }
}

/// The first version of a conversation that is active in the given seconds after [`START_NS`].
pub(crate) fn summary(project: &str, id: &str, seconds: std::ops::RangeInclusive<i64>) -> Summary {
    Summary {
        key: key(project, id),
        version: 1,
        token: 0,
        entries: 1,
        windows: Windows::default(),
        totals: Totals {
            started_ns: START_NS + seconds.start() * SECOND_NS,
            last_activity_ns: START_NS + seconds.end() * SECOND_NS,
            agents: vec!["planner".to_owned()],
            user: User {
                id: Some("u-1".to_owned()),
                ..User::default()
            },
            spans: 1,
            ..Totals::default()
        },
        published_revision: 0,
    }
}

pub(crate) fn open_window(last_ms: i64) -> Windows {
    Windows {
        open: vec![Window {
            first_ms: last_ms,
            last_ms,
        }],
        ..Windows::default()
    }
}

/// The version after this one. Its token is that of what this one was built on: see [`on_stored`].
pub(crate) fn next(summary: &Summary) -> Summary {
    Summary {
        version: summary.version + 1,
        entries: summary.entries + 1,
        ..summary.clone()
    }
}

pub(crate) fn entry(text: &str) -> Entry {
    let message = Message::text_of(Role::User, text);
    let digest = message.digest();
    let (trace, span) = (
        TraceId::from_bytes(&digest.0).unwrap(),
        SpanId::from_bytes(&digest.0[..8]).unwrap(),
    );
    Entry {
        bodies: vec![(digest, Body::Message(message))],
        spans: vec![SpanFact {
            key: SpanKey { trace, span },
            is_genai: true,
            name: "chat gpt-4o".to_owned(),
            operation: Operation::Chat,
            start_ns: START_NS,
            end_ns: START_NS + SECOND_NS,
            instrumentation: "otel".to_owned(),
            record_ms: START_NS / 1_000_000,
            ..SpanFact::default()
        }],
        ..Entry::default()
    }
}

/// Commits and indexes, as the processor does, on top of whatever is stored.
pub(crate) async fn put(store: &Store, summary: &Summary) {
    let summary = on_stored(store, summary).await;
    let entry = entry(&format!("{} {}", summary.key, summary.version));
    written(store.commit(&summary, Some(&entry)).await);
    store.index(&[update(&summary)]).await.expect("indexes");
}

/// With the token of what is stored, which is what it builds on.
pub(crate) async fn on_stored(store: &Store, summary: &Summary) -> Summary {
    let stored = store.summaries(&[digest(summary)]).await.expect("reads");
    Summary {
        token: stored[0].as_ref().map_or(0, |stored| stored.token),
        ..summary.clone()
    }
}

/// The token of what was written, which it must have been.
pub(crate) fn written(outcome: Result<Commit, Error>) -> u64 {
    match outcome {
        Ok(Commit::Done { token }) => token,
        other => panic!("not written: {other:?}"),
    }
}

pub(crate) fn update(summary: &Summary) -> IndexUpdate {
    IndexUpdate {
        summary: Arc::new(summary.clone()),
        trace_ids_added: vec![],
    }
}

pub(crate) fn digest(summary: &Summary) -> Digest {
    summary.key.digest()
}

/// Waits until the condition holds; what it is for is said when it never does.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A small generator of repeatable numbers (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
