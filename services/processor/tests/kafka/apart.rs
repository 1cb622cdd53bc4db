//! Conversations and traces that the store does not take, beside others that it does: real tasks on a real Redis.

use super::support::{PATIENCE, RECORDED_MS, key, record, span};
use domain::ids::{Digest, SpanId, TraceId, TraceKey};
use domain::prepare::Fact;
use domain::trace::{Batch, Kind, Report};
use processor::config::{AssemblyConfig, ProcessorConfig};
use processor::item::{Ends, GivenUp, Shards, Ticket, Ways, Work, bounded_by_room};
use processor::out::publishing::Desk;
use processor::placing::{self, Place, Places, Placing, job};
use processor::shards::retry::StoreHealth;
use processor::shards::{Shard, Shared, Verified};
use processor::source::Position;
use runtime::health::Health;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::Store;
use store::testing::RedisServer;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const GROUP: &str = "test";
/// In a form that no version has had so far.
const NEWER: &[u8] = b"9 is not known yet";

/// One task for all conversations and one for all traces, so that nothing goes around what stands still.
struct Rig {
    redis: RedisServer,
    store: Store,
    health: Health,
    shards: Shards,
    places: Places,
    cache_epoch: Arc<AtomicU64>,
    ends: Ends,
    done: UnboundedReceiver<Position>,
    given_up: UnboundedReceiver<GivenUp>,
    records: i64,
    _chaining: Box<dyn Send>,
}

impl Rig {
    async fn start() -> Self {
        let redis = RedisServer::start().await.expect("redis-server starts");
        let store = Store::connect(&redis.config()).await.expect("connects");
        let health = Health::default();
        let shared = Arc::new(Shared {
            store: store.clone(),
            desk: Arc::new(Desk::default()),
            config: AssemblyConfig::default(),
            health: Arc::new(StoreHealth::new(health.condition("store"))),
            verified: Arc::new(Verified::new(store.clone(), GROUP.to_owned())),
            stopping: CancellationToken::new(),
            drained: CancellationToken::new(),
            cache_epoch: Arc::default(),
        });
        let (sender, work) = bounded_by_room();
        tokio::spawn(Shard::new(Arc::clone(&shared), 1_000_000).run(work));
        let shards = Ways([sender].into());
        let (place, placed) = bounded_by_room();
        let places = Ways([place].into());
        let (chaining, to_chain) = bounded_by_room();
        tokio::spawn(placing_task(&shared, &shards, &places, chaining).run(placed));
        let ((done, is_done), (give_up, given_up)) = (bounded_by_room(), bounded_by_room());
        Self {
            redis,
            store,
            health,
            shards,
            places,
            cache_epoch: Arc::clone(&shared.cache_epoch),
            ends: Ends {
                done,
                given_up: give_up,
            },
            done: is_done,
            given_up,
            records: 0,
            _chaining: Box::new(to_chain),
        }
    }

    /// Sends a span of the conversation; the offset of its record.
    fn send(&mut self, project: &str, conversation: &str) -> i64 {
        self.records += 1;
        let mut conversation = key(conversation);
        project.clone_into(&mut conversation.project);
        self.shards.send(Work::Fact {
            conversation,
            prepared: Box::new(span(self.records)),
            ticket: Ticket::first(&record(self.records), &self.ends),
        });
        self.records
    }

    /// Sends a span without an id; the offset of its record.
    fn send_without_id(&mut self, trace: &TraceKey) -> i64 {
        self.records += 1;
        let mut prepared = span(self.records);
        let Fact::Span(fact) = &mut prepared.fact else {
            panic!("it is a span");
        };
        (fact.key.trace, fact.lacks_id) = (trace.trace, true);
        let report = Report {
            span: fact.key.span,
            kind: Kind::GenAiSpan,
            parent: None::<SpanId>,
            conversation: None,
            hint: None,
            record_ms: RECORDED_MS,
        };
        let batch = Batch {
            reports: vec![report],
            facts: vec![prepared],
        };
        self.places.send(Place {
            key: trace.clone(),
            work: job::Work {
                batch,
                ..job::Work::default()
            },
            tickets: vec![Ticket::first(&record(self.records), &self.ends)],
            permits: Vec::new(),
        });
        self.records
    }

    async fn is_done(&mut self, offset: i64) {
        let done = timeout(PATIENCE, self.done.recv()).await;
        let done = done.expect("it is not waited for").expect("it goes on");
        assert_eq!(done.offset, offset);
    }

    /// The reason.
    async fn is_given_up(&mut self, offset: i64) -> String {
        let given_up = timeout(PATIENCE, self.given_up.recv()).await;
        let given_up = given_up.expect("given up").expect("it goes on");
        assert_eq!(given_up.record.at.offset, offset);
        given_up.why
    }

    fn nothing_came(&mut self) {
        assert!(self.done.try_recv().is_err() && self.given_up.try_recv().is_err());
    }

    /// The texts of the answer.
    async fn redis(&self, words: &[&str]) -> Vec<String> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let answer = self.redis.ask(&words).await.expect("redis does it");
        let texts = answer.into_iter().map(String::from_utf8);
        texts.map(|text| text.expect("it is text")).collect()
    }

    /// Takes the place of what is stored of a conversation or trace, which is returned.
    async fn put_stored(&self, hash: &str, stored: &[u8]) -> Vec<u8> {
        let get: [&[u8]; 3] = [b"HGET", hash.as_bytes(), b"s"];
        let before = self.redis.ask(&get).await.expect("redis does it");
        let put: [&[u8]; 4] = [b"HSET", hash.as_bytes(), b"s", stored];
        self.redis.ask(&put).await.expect("redis does it");
        before.into_iter().next().expect("it was there")
    }

    /// The key of this type that belongs to a conversation or trace.
    async fn key_of(&self, digest: Digest, kind: &str) -> String {
        for key in self.redis(&["KEYS", &format!("*{digest}*")]).await {
            if self.redis(&["TYPE", &key]).await == [kind] {
                return key;
            }
        }
        panic!("there is no {kind} of {digest}")
    }

    /// As when another process writes next.
    fn forget_caches(&self) {
        self.cache_epoch.fetch_add(1, Ordering::AcqRel);
    }

    async fn spans_of(&self, conversation: &str) -> u32 {
        let digests = [key(conversation).digest()];
        let summaries = self.store.summaries(&digests).await.expect("reads");
        summaries[0]
            .as_ref()
            .map_or(0, |summary| summary.totals.spans)
    }
}

fn placing_task(
    shared: &Shared,
    shards: &Shards,
    places: &Places,
    chaining: UnboundedSender<placing::chaining::ToChain>,
) -> Placing {
    let shared = placing::Shared {
        store: shared.store.clone(),
        config: ProcessorConfig::default(),
        health: Arc::clone(&shared.health),
        verified: Arc::clone(&shared.verified),
        shards: shards.clone(),
        places: places.clone(),
        chaining,
        stopping: shared.stopping.clone(),
        drained: shared.drained.clone(),
        cache_epoch: Arc::clone(&shared.cache_epoch),
    };
    Placing::new(Arc::new(shared), 1_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_redis_refuses_holds_nobody_up_and_goes_on_when_it_is_mended() {
    let mut rig = Rig::start().await;
    let first = rig.send("shop", "bad");
    rig.is_done(first).await;
    let summary = rig.key_of(key("bad").digest(), "hash").await;
    let log = rig.key_of(key("bad").digest(), "list").await;
    // The task still has it cached, and finds out when it commits.
    rig.redis(&["SET", &summary, "something else"]).await;
    let bad = rig.send("shop", "bad");
    let good = rig.send("shop", "good");
    rig.is_done(good).await;
    let why = rig.is_given_up(bad).await;
    assert!(why.contains("WRONGTYPE"), "{why}");
    assert!(rig.health.ready().ok, "the store is well");
    // Given up at once now.
    let bad = rig.send("shop", "bad");
    let why = rig.is_given_up(bad).await;
    assert!(why.contains("WRONGTYPE"), "{why}");

    rig.redis(&["DEL", &summary, &log]).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let mended = rig.send("shop", "bad");
    rig.is_done(mended).await;
    assert_eq!(rig.spans_of("bad").await, 1);
    rig.nothing_came();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_of_a_newer_version_is_left_as_it_is_and_goes_on_when_it_can_be_read_again()
{
    let mut rig = Rig::start().await;
    let first = rig.send("shop", "newer");
    rig.is_done(first).await;
    let summary = rig.key_of(key("newer").digest(), "hash").await;
    let stored = rig.put_stored(&summary, NEWER).await;
    rig.forget_caches();
    let waits = rig.send("shop", "newer");
    let good = rig.send("shop", "good");
    rig.is_done(good).await;
    let also = rig.send("shop", "newer");
    let good = rig.send("shop", "good");
    rig.is_done(good).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    rig.nothing_came();
    assert!(rig.health.ready().ok, "the store is well");

    let left = rig.put_stored(&summary, &stored).await;
    assert_eq!(left, NEWER);
    rig.is_done(waits).await;
    rig.is_done(also).await;
    assert_eq!(rig.spans_of("newer").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_whose_list_redis_refuses_costs_the_others_nothing() {
    let mut rig = Rig::start().await;
    let first = rig.send("mall", "c");
    rig.is_done(first).await;
    let keys = rig.redis(&["KEYS", "*"]).await;
    let mut lists = 0;
    for list in keys.iter().filter(|key| key.contains(":idx:")) {
        rig.redis(&["SET", list, "something else"]).await;
        lists += 1;
    }
    assert_eq!(lists, 1, "{keys:?}");
    let bad = rig.send("mall", "c");
    let good = rig.send("shop", "c");
    rig.is_done(good).await;
    let why = rig.is_given_up(bad).await;
    assert!(why.contains("cannot be listed"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_redis_refuses_holds_nobody_up_and_one_of_a_newer_version_waits() {
    let mut rig = Rig::start().await;
    let [bad, newer, good] = [1, 2, 3].map(|number| TraceKey {
        project: "shop".to_owned(),
        trace: TraceId([number; 16]),
    });
    for trace in [&bad, &newer] {
        let first = rig.send_without_id(trace);
        rig.is_done(first).await;
    }
    let bad_head = rig.key_of(bad.digest(), "hash").await;
    let newer_head = rig.key_of(newer.digest(), "hash").await;
    rig.redis(&["SET", &bad_head, "something else"]).await;
    let stored = rig.put_stored(&newer_head, NEWER).await;
    rig.forget_caches();
    let waits = rig.send_without_id(&newer);
    let refused = rig.send_without_id(&bad);
    let placed = rig.send_without_id(&good);
    rig.is_done(placed).await;
    let why = rig.is_given_up(refused).await;
    assert!(why.contains("WRONGTYPE"), "{why}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    rig.nothing_came();
    let left = rig.put_stored(&newer_head, &stored).await;
    assert_eq!(left, NEWER);
    rig.is_done(waits).await;
}
