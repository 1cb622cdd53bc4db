//! Publishing finalised conversations: a stage of its own. Shards put revisions into its [`Desk`], as many as there is room
//! for, and wait for nothing; here they are sent, and what Kafka has confirmed becomes work for the shards again.
//!
//! Whatever is lost on the way (a refusal, a crash, a stop) is still due in the store, and found there by
//! [`crate::upkeep::closing`].

use super::finalised;
use super::outbox::{Outbox, Status};
use super::publisher::{Publish, PublishError};
use crate::item::{Shards, Work};
use crate::metrics as names;
use crate::shards::job::Close;
use crate::shards::retry::Seldom;
use domain::ids::ConversationKey;
use domain::view::View;
use domain::window::Closed;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use metrics::{counter, gauge};
use parking_lot::Mutex;
use runtime::health::Condition;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// How often it is told how publishing goes.
const TICK: Duration = Duration::from_secs(1);

/// A revision as it is to be published.
#[derive(Debug)]
pub struct Revision {
    pub closed: Closed,
    pub view: View,
    /// How far the next windows of the conversation may be closed when this one is published.
    pub close: Option<Close>,
}

/// Where shards put what is to be published.
#[derive(Debug)]
pub struct Desk {
    outbox: Mutex<Outbox<Revision>>,
    more: Notify,
    /// Times count from here: the machine's clock may be set anew, and publishing would wait for it.
    since: Instant,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            outbox: Mutex::default(),
            more: Notify::new(),
            since: Instant::now(),
        }
    }
}

impl Desk {
    fn now_ms(&self) -> i64 {
        i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// How many more revisions may come, and how many are on their way.
    pub fn room(&self) -> (usize, usize) {
        let outbox = self.outbox.lock();
        (outbox.room(self.now_ms()), outbox.len())
    }

    /// Whether a revision of the conversation is on its way.
    pub fn holds(&self, key: &ConversationKey) -> bool {
        self.outbox.lock().holds(key)
    }

    /// Whether [`Self::put`] would take it: nobody needs to make a view for nothing.
    pub fn takes(&self, key: &ConversationKey, revision: u32) -> bool {
        let now_ms = self.now_ms();
        self.outbox.lock().takes(key, revision, now_ms)
    }

    /// Takes it to be published; without room it is not, and stays due in the store.
    pub fn put(&self, key: ConversationKey, revision: Revision) {
        let now_ms = self.now_ms();
        let number = revision.closed.revision;
        if self.outbox.lock().put(key, number, revision, now_ms) {
            self.more.notify_one();
        }
    }
}

/// A revision that was published. While this lives, nobody publishes it again; it ends when the store knows.
#[derive(Debug)]
pub struct Confirmed {
    pub revision: u32,
    key: ConversationKey,
    desk: Arc<Desk>,
}

impl Drop for Confirmed {
    fn drop(&mut self) {
        self.desk.outbox.lock().settled(&self.key, self.revision);
    }
}

/// The stage.
#[derive(Debug)]
pub struct Publishing<P> {
    pub desk: Arc<Desk>,
    pub publisher: P,
    pub shards: Shards,
    /// Told for as long as revisions are not taken.
    pub condition: Condition,
    pub stopping: CancellationToken,
    /// Cancelled when the last offsets are committed: what was not confirmed by then is published again.
    pub drained: CancellationToken,
}

/// What came of sending a revision.
struct Answer {
    key: ConversationKey,
    revision: u32,
    close: Option<Close>,
    outcome: Result<(), PublishError>,
}

impl<P: Publish> Publishing<P> {
    pub async fn run(self) -> anyhow::Result<()> {
        let mut sending = FuturesUnordered::new();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let untold = Seldom::default();
        let mut was_well = true;
        loop {
            tokio::select! {
                biased;
                () = self.drained.cancelled() => return Ok(()),
                Some(answer) = sending.next(), if !sending.is_empty() => self.take(answer, &untold),
                () = self.desk.more.notified() => {}
                _ = ticks.tick() => self.tell(&mut was_well),
            }
            while let Some((key, revision)) = self.next() {
                sending.push(self.send(key, revision));
            }
        }
    }

    /// When the process stops, what was sent is waited for, and nothing more is sent.
    fn next(&self) -> Option<(ConversationKey, Revision)> {
        if self.stopping.is_cancelled() {
            return None;
        }
        self.desk.outbox.lock().send_next()
    }

    async fn send(&self, key: ConversationKey, revision: Revision) -> Answer {
        let Revision {
            closed,
            view,
            close,
        } = revision;
        let record = finalised::record(&key, &view, closed).to_string();
        drop(view);
        let outcome = self.publisher.publish(&key, record.into_bytes()).await;
        Answer {
            key,
            revision: closed.revision,
            close,
            outcome,
        }
    }

    fn take(&self, answer: Answer, untold: &Seldom) {
        let Answer {
            key,
            revision,
            close,
            outcome,
        } = answer;
        if let Err(cause) = &outcome {
            counter!(names::PUBLISH_ERRORS).increment(1);
            if let Some(others) = untold.tell() {
                error!(conversation = %key, revision, error = %cause, others, "a finalised conversation was not published");
            }
        }
        {
            let mut outbox = self.desk.outbox.lock();
            match outcome {
                Ok(()) => {
                    counter!(names::CONVERSATIONS_PUBLISHED).increment(1);
                    outbox.delivered(&key);
                }
                // It stays too large: the revision counts as given out, and Redis still has it.
                Err(PublishError::TooLarge { .. }) => outbox.too_large(&key),
                Err(PublishError::NotDelivered(cause)) => {
                    return outbox.failed(&key, cause.to_string(), self.desk.now_ms());
                }
            }
        }
        let confirmed = Confirmed {
            revision,
            key: key.clone(),
            desk: Arc::clone(&self.desk),
        };
        self.shards.send(Work::Published {
            conversation: key,
            confirmed,
            close,
        });
    }

    fn tell(&self, was_well: &mut bool) {
        let now_ms = self.desk.now_ms();
        let (status, oldest_ms) = {
            let outbox = self.desk.outbox.lock();
            (outbox.status(now_ms), outbox.oldest_ms(now_ms))
        };
        let waited_ms = match &status {
            Status::Failing(trouble) => oldest_ms.max(now_ms - trouble.since_ms),
            Status::Slow { .. } | Status::Well => oldest_ms,
        };
        gauge!(names::PUBLISHING_WAIT).set(waited_ms as f64 / 1_000.0);
        match &status {
            Status::Well => self.condition.met(),
            Status::Slow { for_ms } => self.condition.met_with(format!(
                "Kafka has not answered for {} s; finalised conversations wait in the store",
                for_ms / 1_000
            )),
            Status::Failing(trouble) => self.condition.met_with(format!(
                "nothing could be published for {} s, finalised conversations wait in the store: {}",
                (now_ms - trouble.since_ms) / 1_000,
                trouble.cause
            )),
        }
        let is_well = status == Status::Well;
        if is_well && !std::mem::replace(was_well, is_well) {
            info!("finalised conversations are published again");
        }
        *was_well = is_well;
    }
}
