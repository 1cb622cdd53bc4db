//! The changes of all rows of the list, gathered over a short time and handed out to everyone who watches a list.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::Digest;
use parking_lot::Mutex;
use runtime::health::Heartbeat;
use rustc_hash::FxHashMap;
use store::{ListQuery, Summary};
use tokio::sync::broadcast;
use tokio::time::{Instant, MissedTickBehavior};

use super::known_rows::KnownRows;
use super::reader::ConversationReader;

/// Conversations that wait to be read. Beyond it, those who watch are told to read the list again.
const PENDING_MAX: usize = 50_000;
/// Summaries read, and changes handed out, at once.
const ROWS_PER_BATCH_MAX: usize = 1_000;
/// Rows that are looked at again after wake-ups may have been lost. Where there are more, those who watch are told to read
/// the list again: nobody knows which of them have changed.
const RESYNC_ROWS_MAX: usize = 500;

/// Batches of changes, at most one change of a row in each. Ends when changes may have been missed.
pub type RowEvents = broadcast::Receiver<Arc<[RowChange]>>;

/// One row at two moments.
#[derive(Clone, Debug)]
pub struct RowChange {
    pub digest: Digest,
    pub before: Before,
    /// `None` when the conversation is no more.
    pub now: Option<Arc<Summary>>,
}

#[derive(Clone, Debug)]
pub enum Before {
    /// There was no such conversation.
    New,
    Row(Arc<Summary>),
    /// It existed, in the state before the commit of this version.
    BeforeVersion(u64),
}

#[derive(Debug)]
pub(super) struct Feed {
    reader: ConversationReader,
    retention: Duration,
    buffer_steps: usize,
    noted: Mutex<Noted>,
}

#[derive(Debug)]
struct Noted {
    /// With the smallest version that was announced.
    pending: FxHashMap<Digest, u64>,
    resync: bool,
    /// Something was missed: what is known of rows may be old.
    has_missed: bool,
    /// Replaced by another one to end what hangs on it.
    events: broadcast::Sender<Arc<[RowChange]>>,
}

impl Noted {
    fn new(buffer_steps: usize) -> Self {
        Self {
            pending: FxHashMap::default(),
            resync: false,
            has_missed: false,
            events: broadcast::Sender::new(buffer_steps),
        }
    }
}

impl Feed {
    pub(super) fn new(
        reader: ConversationReader,
        buffer_steps: usize,
        retention: Duration,
    ) -> Self {
        Self {
            reader,
            retention,
            buffer_steps,
            noted: Mutex::new(Noted::new(buffer_steps)),
        }
    }

    pub(super) fn listen(&self) -> RowEvents {
        // Under the lock, so that nothing is noted, or thrown away, for a watcher that is half there.
        self.noted.lock().events.subscribe()
    }

    pub(super) fn note(&self, digest: Digest, version: u64) {
        let mut noted = self.noted.lock();
        if noted.events.receiver_count() == 0 {
            return;
        }
        let smallest = noted.pending.entry(digest).or_insert(version);
        *smallest = version.min(*smallest);
        if noted.pending.len() > PENDING_MAX {
            self.end_all(&mut noted);
        }
    }

    /// Ends all that is handed out: something was missed.
    fn end_all(&self, noted: &mut Noted) {
        *noted = Noted {
            has_missed: true,
            ..Noted::new(self.buffer_steps)
        };
    }

    pub(super) fn resync(&self) {
        self.noted.lock().resync = true;
    }

    /// Takes a turn every `step`, which is thereby the shortest time between two events of one row.
    pub(super) async fn run(&self, step: Duration, heartbeat: Heartbeat) {
        let mut known = KnownRows::default();
        let mut turns = tokio::time::interval(step);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            heartbeat.beat();
            if self.is_unwatched() {
                // What is known goes stale while nobody watches.
                known = KnownRows::default();
                continue;
            }
            if let Err(cause) = self.turn(&mut known, &heartbeat).await {
                tracing::warn!(error = %cause, "cannot read changed conversations; trying again");
            }
        }
    }

    /// Whether nobody watches; then what was noted is thrown away.
    fn is_unwatched(&self) -> bool {
        let mut noted = self.noted.lock();
        let is_unwatched = noted.events.receiver_count() == 0;
        if is_unwatched {
            *noted = Noted::new(self.buffer_steps);
        }
        is_unwatched
    }

    /// Everything that was noted before the turn, so that nothing is put off for the sake of what comes meanwhile.
    async fn turn(&self, known: &mut KnownRows, heartbeat: &Heartbeat) -> Result<(), store::Error> {
        let is_resync = std::mem::take(&mut self.noted.lock().resync);
        if is_resync && let Err(cause) = self.look_everywhere(known).await {
            self.resync();
            return Err(cause);
        }
        let noted = self.take_noted(known);
        for (number, batch) in noted.chunks(ROWS_PER_BATCH_MAX).enumerate() {
            heartbeat.beat();
            if let Err(cause) = self.hand_out(batch, known).await {
                let rest = &noted[number * ROWS_PER_BATCH_MAX..];
                rest.iter()
                    .for_each(|(digest, version)| self.note(*digest, *version));
                return Err(cause);
            }
        }
        Ok(())
    }

    async fn hand_out(
        &self,
        batch: &[(Digest, u64)],
        known: &mut KnownRows,
    ) -> Result<(), store::Error> {
        let digests: Vec<Digest> = batch.iter().map(|(digest, _)| *digest).collect();
        let rows = self.reader.store().summaries(&digests).await?;
        let mut changes = Vec::new();
        for ((digest, version), row) in batch.iter().zip(rows) {
            changes.extend(known.update(*digest, *version, row.map(Arc::new), self.retention));
        }
        if !changes.is_empty() {
            // The last watcher may just have left.
            let _ = self.noted.lock().events.send(changes.into());
        }
        Ok(())
    }

    fn take_noted(&self, known: &mut KnownRows) -> Vec<(Digest, u64)> {
        let mut pending = {
            let mut noted = self.noted.lock();
            if std::mem::take(&mut noted.has_missed) {
                *known = KnownRows::default();
            }
            std::mem::take(&mut noted.pending)
        };
        for digest in known.due(Instant::now()) {
            pending.entry(digest).or_insert(u64::MAX);
        }
        pending.into_iter().collect()
    }

    /// Notes every row that is known, and the newest ones of the store. If there are more, whoever watches has to read the
    /// list again.
    async fn look_everywhere(&self, known: &KnownRows) -> Result<(), store::Error> {
        let query = ListQuery {
            limit: RESYNC_ROWS_MAX,
            ..ListQuery::default()
        };
        let newest = self.reader.store().list(&query).await?;
        if newest.has_more {
            self.end_all(&mut self.noted.lock());
            return Ok(());
        }
        let mut noted = self.noted.lock();
        for (_, row) in newest.rows {
            noted.pending.entry(row.key.digest()).or_insert(row.version);
        }
        for digest in known.digests() {
            noted.pending.entry(*digest).or_insert(u64::MAX);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LimitsConfig;
    use domain::facts::Entry;
    use domain::ids::ConversationKey;
    use runtime::health::Health;
    use store::testing::RedisServer;
    use store::{IndexUpdate, Store};
    use tokio::sync::broadcast::error::TryRecvError;

    struct World {
        _server: RedisServer,
        store: Store,
        feed: Feed,
        known: KnownRows,
        heartbeat: Heartbeat,
    }

    impl World {
        async fn new() -> Self {
            let server = RedisServer::start().await.expect("redis-server starts");
            let store = Store::connect(&server.config()).await.expect("connects");
            let reader = ConversationReader::new(store.clone(), &LimitsConfig::default());
            Self {
                _server: server,
                store,
                feed: Feed::new(reader, 16, Duration::from_secs(60)),
                known: KnownRows::default(),
                heartbeat: Health::default().heartbeat("feed", Duration::from_secs(60)),
            }
        }

        /// Writes that many conversations and says so.
        async fn write(&self, count: u64) {
            let mut updates = Vec::new();
            for number in 0..count {
                let summary = Summary {
                    key: ConversationKey {
                        project: "shop".to_owned(),
                        id: number.to_string(),
                    },
                    version: 1,
                    token: 0,
                    entries: 1,
                    windows: Default::default(),
                    totals: Default::default(),
                    published_revision: 0,
                };
                let commit = self.store.commit(&summary, Some(&Entry::default())).await;
                let _ = commit.expect("commits");
                self.feed.note(summary.key.digest(), 1);
                updates.push(IndexUpdate {
                    summary: Arc::new(summary),
                    trace_ids_added: Vec::new(),
                });
            }
            self.store.index(&updates).await.expect("indexes");
        }

        async fn turn(&mut self) {
            let turn = self.feed.turn(&mut self.known, &self.heartbeat).await;
            turn.expect("reads");
        }
    }

    fn changes(rows: &mut RowEvents) -> usize {
        std::iter::from_fn(|| rows.try_recv().ok())
            .map(|batch| batch.len())
            .sum()
    }

    #[tokio::test]
    async fn all_that_was_noted_before_a_turn_is_handed_out_in_it() {
        let mut world = World::new().await;
        let mut rows = world.feed.listen();
        world.write(2_500).await;
        world.turn().await;
        assert_eq!(changes(&mut rows), 2_500);
        world.turn().await;
        assert_eq!(rows.try_recv().err(), Some(TryRecvError::Empty));
    }

    #[tokio::test]
    async fn who_watches_is_told_when_more_rows_change_than_can_wait() {
        let mut world = World::new().await;
        let mut rows = world.feed.listen();
        world.write(1).await;
        world.turn().await;
        assert_eq!(changes(&mut rows), 1);
        for number in 0..=PENDING_MAX {
            world.feed.note(Digest::of(&[&number.to_le_bytes()]), 1);
        }
        assert_eq!(rows.try_recv().err(), Some(TryRecvError::Closed));
        let mut next = world.feed.listen();
        world.turn().await;
        assert_eq!(next.try_recv().err(), Some(TryRecvError::Empty));
        assert_eq!(
            world.known.digests().count(),
            0,
            "what was known may be old"
        );
    }

    #[tokio::test]
    async fn after_lost_wake_ups_all_rows_are_looked_at_or_who_watches_is_told() {
        let mut world = World::new().await;
        let mut early = world.feed.listen();
        let few = 3;
        world.write(few).await;
        world.feed.noted.lock().pending.clear();
        world.feed.resync();
        world.turn().await;
        assert_eq!(changes(&mut early), 3);
        drop(early);
        world.store.wipe().await.expect("wipes");
        world.write(RESYNC_ROWS_MAX as u64 + 1).await;
        let mut rows = world.feed.listen();
        world.feed.resync();
        world.turn().await;
        assert_eq!(rows.try_recv().err(), Some(TryRecvError::Closed));
    }
}
