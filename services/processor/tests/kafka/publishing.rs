//! A topic of finalised conversations that is not well, and all that goes on regardless: real shards on a real Redis.

use super::support::{PATIENCE, RECORDED_MS, key, record, span};
use domain::ids::ConversationKey;
use processor::config::AssemblyConfig;
use processor::item::{Ends, GivenUp, Shards, Ticket, Ways, Work, bounded_by_room};
use processor::out::publisher::{Publish, PublishError};
use processor::out::publishing::{Desk, Publishing};
use processor::shards::job::Close;
use processor::shards::retry::StoreHealth;
use processor::shards::{Shard, Shared, Verified};
use processor::source::Position;
use processor::upkeep::closing::Closing;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use runtime::health::Health;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::testing::RedisServer;
use store::{Store, Summary};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

const GROUP: &str = "test";

/// What the topic does with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Takes,
    Refuses,
    NeverAnswers,
}

/// The records by their keys, and how it takes them.
#[derive(Debug)]
struct Topic {
    mood: watch::Receiver<Mood>,
    taken: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Publish for Topic {
    async fn publish(&self, key: &ConversationKey, _: Vec<u8>) -> Result<(), PublishError> {
        let mut mood = self.mood.clone();
        // One that does not answer answers when it is well again.
        let mood = *mood
            .wait_for(|mood| *mood != Mood::NeverAnswers)
            .await
            .expect("the test goes on");
        if mood == Mood::Refuses {
            let refused = RDKafkaErrorCode::TopicAuthorizationFailed;
            return Err(PublishError::NotDelivered(KafkaError::MessageProduction(
                refused,
            )));
        }
        let mut taken = self.taken.lock().expect("no panic");
        *taken.entry(key.to_string()).or_default() += 1;
        Ok(())
    }
}

struct Stage {
    store: Store,
    shards: Shards,
    health: Health,
    mood: watch::Sender<Mood>,
    taken: Arc<Mutex<BTreeMap<String, usize>>>,
    ends: Ends,
    finished: mpsc::UnboundedReceiver<Position>,
    _given_up: mpsc::UnboundedReceiver<GivenUp>,
    records: i64,
    _due: watch::Sender<Option<Close>>,
    _redis: RedisServer,
}

impl Stage {
    /// One shard, so that nothing goes around what stands still, and a watermark that has passed everything.
    async fn with(mood: Mood) -> Self {
        let redis = RedisServer::start().await.expect("redis-server starts");
        let store = Store::connect(&redis.config()).await.expect("connects");
        let epoch = store.look(GROUP).await.expect("an epoch").epoch;
        let health = Health::default();
        let store_health = Arc::new(StoreHealth::new(health.condition("store")));
        let shared = Arc::new(Shared {
            store: store.clone(),
            desk: Arc::new(Desk::default()),
            config: AssemblyConfig::default(),
            health: Arc::clone(&store_health),
            verified: Arc::new(Verified::new(store.clone(), GROUP.to_owned())),
            stopping: CancellationToken::new(),
            drained: CancellationToken::new(),
            cache_epoch: Arc::default(),
        });
        let (sender, work) = bounded_by_room();
        tokio::spawn(Shard::new(Arc::clone(&shared), 1_000_000).run(work));
        let shards = Ways([sender].into());
        let (mood, moods) = watch::channel(mood);
        let taken = Arc::default();
        let publishing = Publishing {
            desk: Arc::clone(&shared.desk),
            publisher: Topic {
                mood: moods,
                taken: Arc::clone(&taken),
            },
            shards: shards.clone(),
            condition: health.condition("publishing"),
            stopping: shared.stopping.clone(),
            drained: shared.drained.clone(),
        };
        tokio::spawn(publishing.run());
        let watermark_ms = RECORDED_MS + 86_400_000;
        let (due, is_due) = watch::channel(Some(Close {
            watermark_ms,
            epoch,
        }));
        let closing = Closing {
            store: store.clone(),
            health: store_health,
            gap_ms: shared.config.inactivity_gap_ms,
            due: is_due,
            shards: shards.clone(),
            desk: Arc::clone(&shared.desk),
            stopping: shared.stopping.clone(),
        };
        tokio::spawn(closing.run());
        let ((done, finished), (give_up, given_up)) = (bounded_by_room(), bounded_by_room());
        Self {
            store,
            shards,
            health,
            mood,
            taken,
            ends: Ends {
                done,
                given_up: give_up,
            },
            finished,
            _given_up: given_up,
            records: 0,
            _due: due,
            _redis: redis,
        }
    }

    /// Sends a span of the conversation, and waits until its record is done.
    async fn write(&mut self, conversation: &str) {
        self.records += 1;
        let record = record(self.records);
        self.shards.send(Work::Fact {
            conversation: key(conversation),
            prepared: Box::new(span(self.records)),
            ticket: Ticket::first(&record, &self.ends),
        });
        let finished = timeout(Duration::from_secs(5), self.finished.recv()).await;
        assert_eq!(
            finished.expect("others are not waited for"),
            Some(record.at)
        );
    }

    async fn stored(&self, conversation: &str) -> Summary {
        let digests = [key(conversation).digest()];
        let summaries = self.store.summaries(&digests).await.expect("reads");
        summaries[0].clone().expect("it is stored")
    }

    async fn until(&self, conversation: &str, what: &str, is_so: impl Fn(&Summary) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(&self.stored(conversation).await) {
            assert!(Instant::now() < deadline, "never: {conversation} {what}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn until_told(&self, what: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.health.ready().checks["publishing"].contains(what) {
            assert!(Instant::now() < deadline, "never told: {what}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn taken(&self) -> BTreeMap<String, usize> {
        self.taken.lock().expect("no panic").clone()
    }
}

/// Writes on while the topic is not well; then lets it be well, and looks that each revision came once.
async fn nothing_else_waits(mut stage: Stage, told: &str) {
    stage.write("a").await;
    let is_closed = |summary: &Summary| summary.windows.revision == 1;
    stage.until("a", "closes", is_closed).await;
    stage.until_told(told).await;
    // The same conversation, and others of the same shard.
    for conversation in ["a", "b", "c"] {
        stage.write(conversation).await;
    }
    for conversation in ["b", "c"] {
        stage.until(conversation, "closes", is_closed).await;
    }
    assert_eq!(stage.taken(), BTreeMap::new());
    for conversation in ["a", "b", "c"] {
        assert_eq!(stage.stored(conversation).await.published_revision, 0);
    }
    stage.mood.send(Mood::Takes).expect("it is asked again");
    for (conversation, revisions) in [("a", 2), ("b", 1), ("c", 1)] {
        let is_published = |summary: &Summary| summary.published_revision == revisions;
        stage
            .until(conversation, "is published", is_published)
            .await;
    }
    let expected = [("shop/a", 2), ("shop/b", 1), ("shop/c", 1)];
    let expected = expected.map(|(key, times)| (key.to_owned(), times));
    assert_eq!(stage.taken(), BTreeMap::from(expected));
    stage.until_told("ok").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_never_answers_lets_all_else_go_on() {
    let stage = Stage::with(Mood::NeverAnswers).await;
    nothing_else_waits(stage, "ok").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_refuses_lets_all_else_go_on() {
    let stage = Stage::with(Mood::Refuses).await;
    nothing_else_waits(stage, "nothing could be published").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_ready_while_only_publishing_is_not_well() {
    let mut stage = Stage::with(Mood::Refuses).await;
    stage.write("a").await;
    stage.until_told("nothing could be published").await;
    assert!(stage.health.ready().ok, "{:?}", stage.health.ready());
}
