//! The changes of all rows of the list, gathered over a short time and handed out to everyone who watches a list.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::ids::Digest;
use parking_lot::Mutex;
use runtime::health::Heartbeat;
use rustc_hash::FxHashMap;
use store::{ListQuery, Summary};
use tokio::sync::broadcast;
use tokio::time::{Instant, MissedTickBehavior};

use super::reader::Reader;

/// Conversations that wait to be read. Beyond it, the feed looks at the newest ones instead.
const PENDING_MAX: usize = 50_000;
/// Summaries read at once; what is more waits for the next turn.
const ROWS_PER_TURN_MAX: usize = 1_000;
/// Summaries kept, some 5 KB each, so that a row's former state need not be computed.
const KNOWN_ROWS_MAX: usize = 5_000;
/// Rows that are looked at again after wake-ups may have been lost.
const RESYNC_ROWS_MAX: usize = 500;
/// An expired conversation is looked for this long after it should have gone.
const EXPIRY_MARGIN: Duration = Duration::from_secs(1);

/// Batches of changes, at most one change of a row in each.
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
    reader: Reader,
    retention: Duration,
    noted: Mutex<Noted>,
    events: broadcast::Sender<Arc<[RowChange]>>,
}

#[derive(Debug, Default)]
struct Noted {
    /// With the smallest version that was announced.
    pending: FxHashMap<Digest, u64>,
    resync: bool,
}

impl Feed {
    pub(super) fn new(reader: Reader, buffer_steps: usize, retention: Duration) -> Self {
        Self {
            reader,
            retention,
            noted: Mutex::default(),
            events: broadcast::Sender::new(buffer_steps),
        }
    }

    pub(super) fn listen(&self) -> RowEvents {
        // Under the lock, so that nothing is noted, or thrown away, for a watcher that is half there.
        let _noted = self.noted.lock();
        self.events.subscribe()
    }

    pub(super) fn note(&self, digest: Digest, version: u64) {
        let mut noted = self.noted.lock();
        if self.events.receiver_count() == 0 {
            return;
        }
        if noted.pending.len() >= PENDING_MAX && !noted.pending.contains_key(&digest) {
            noted.pending.clear();
            noted.resync = true;
        }
        let smallest = noted.pending.entry(digest).or_insert(version);
        *smallest = version.min(*smallest);
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
            if let Err(cause) = self.turn(&mut known).await {
                tracing::warn!(error = %cause, "cannot read changed conversations; trying again");
            }
        }
    }

    /// Whether nobody watches; then what was noted is thrown away.
    fn is_unwatched(&self) -> bool {
        let mut noted = self.noted.lock();
        let is_unwatched = self.events.receiver_count() == 0;
        if is_unwatched {
            *noted = Noted::default();
        }
        is_unwatched
    }

    async fn turn(&self, known: &mut KnownRows) -> Result<(), store::Error> {
        let is_resync = std::mem::take(&mut self.noted.lock().resync);
        if is_resync && let Err(cause) = self.look_everywhere(known).await {
            self.resync();
            return Err(cause);
        }
        let batch = self.take_batch(known);
        if batch.is_empty() {
            return Ok(());
        }
        let digests: Vec<Digest> = batch.iter().map(|(digest, _)| *digest).collect();
        let rows = match self.reader.store().summaries(&digests).await {
            Ok(rows) => rows,
            Err(cause) => {
                batch
                    .into_iter()
                    .for_each(|(digest, version)| self.note(digest, version));
                return Err(cause);
            }
        };
        let mut changes = Vec::new();
        for ((digest, version), row) in batch.into_iter().zip(rows) {
            changes.extend(known.update(digest, version, row.map(Arc::new), self.retention));
        }
        if !changes.is_empty() {
            // The last watcher may just have left.
            let _ = self.events.send(changes.into());
        }
        Ok(())
    }

    fn take_batch(&self, known: &mut KnownRows) -> Vec<(Digest, u64)> {
        let mut noted = self.noted.lock();
        for digest in known.due(Instant::now()) {
            noted.pending.entry(digest).or_insert(u64::MAX);
        }
        let chosen: Vec<Digest> = noted
            .pending
            .keys()
            .take(ROWS_PER_TURN_MAX)
            .copied()
            .collect();
        chosen
            .into_iter()
            .filter_map(|digest| noted.pending.remove_entry(&digest))
            .collect()
    }

    /// Notes every row that is known, and the newest ones of the store.
    async fn look_everywhere(&self, known: &KnownRows) -> Result<(), store::Error> {
        let query = ListQuery {
            limit: RESYNC_ROWS_MAX,
            ..ListQuery::default()
        };
        let newest = self.reader.store().list(&query).await?;
        let mut noted = self.noted.lock();
        for (_, row) in newest.rows {
            noted.pending.entry(row.key.digest()).or_insert(row.version);
        }
        for digest in known.rows.keys() {
            noted.pending.entry(*digest).or_insert(u64::MAX);
        }
        Ok(())
    }
}

/// The rows as they were last handed out, those that changed longest ago first to go.
#[derive(Debug, Default)]
struct KnownRows {
    rows: FxHashMap<Digest, Row>,
    by_expiry: BTreeSet<(Instant, Digest)>,
}

#[derive(Debug)]
struct Row {
    summary: Arc<Summary>,
    expiry: Instant,
}

impl KnownRows {
    /// Takes in what was read; `None` when nothing changed.
    fn update(
        &mut self,
        digest: Digest,
        version: u64,
        now: Option<Arc<Summary>>,
        retention: Duration,
    ) -> Option<RowChange> {
        let before = self.remove(&digest);
        let is_same = match (&before, &now) {
            // Some commits only note what was published.
            (Some(before), Some(now)) => {
                before.windows == now.windows && before.totals == now.totals
            }
            (None, None) => true,
            _ => false,
        };
        if let Some(now) = &now {
            self.insert(digest, now.clone(), retention);
        }
        let before = match before {
            Some(row) => Before::Row(row),
            None if version <= 1 => Before::New,
            None => Before::BeforeVersion(version),
        };
        (!is_same).then_some(RowChange {
            digest,
            before,
            now,
        })
    }

    fn insert(&mut self, digest: Digest, summary: Arc<Summary>, retention: Duration) {
        let expiry = Instant::now() + retention + EXPIRY_MARGIN;
        self.rows.insert(digest, Row { summary, expiry });
        self.by_expiry.insert((expiry, digest));
        if self.rows.len() > KNOWN_ROWS_MAX
            && let Some((_, oldest)) = self.by_expiry.pop_first()
        {
            self.rows.remove(&oldest);
        }
    }

    fn remove(&mut self, digest: &Digest) -> Option<Arc<Summary>> {
        let row = self.rows.remove(digest)?;
        self.by_expiry.remove(&(row.expiry, *digest));
        Some(row.summary)
    }

    /// Rows that should have expired by now.
    fn due(&self, now: Instant) -> Vec<Digest> {
        self.by_expiry
            .iter()
            .take_while(|(expiry, _)| *expiry <= now)
            .take(ROWS_PER_TURN_MAX)
            .map(|(_, digest)| *digest)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::ConversationKey;

    const DAY: Duration = Duration::from_secs(86_400);

    fn summary(id: usize, version: u64) -> Arc<Summary> {
        Arc::new(Summary {
            key: ConversationKey {
                project: "p".to_owned(),
                id: id.to_string(),
            },
            version,
            token: 0,
            entries: version,
            windows: Default::default(),
            totals: domain::view::Totals {
                spans: version as u32,
                ..Default::default()
            },
            published_revision: 0,
        })
    }

    fn digest(id: usize) -> Digest {
        summary(id, 1).key.digest()
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_is_new_then_known_then_gone() {
        let mut known = KnownRows::default();
        let first = known.update(digest(1), 1, Some(summary(1, 2)), DAY);
        assert!(matches!(first.expect("is a change").before, Before::New));
        assert!(
            known
                .update(digest(1), 2, Some(summary(1, 2)), DAY)
                .is_none(),
            "nothing new"
        );
        let second = known.update(digest(1), 3, Some(summary(1, 3)), DAY);
        assert!(
            matches!(second.expect("is a change").before, Before::Row(row) if row.version == 2)
        );
        let gone = known
            .update(digest(1), u64::MAX, None, DAY)
            .expect("is a change");
        assert!(gone.now.is_none() && matches!(gone.before, Before::Row(_)));
        assert!(known.rows.is_empty() && known.by_expiry.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_met_for_the_first_time_in_the_middle_of_its_life_was_there_before() {
        let mut known = KnownRows::default();
        let change = known.update(digest(1), 7, Some(summary(1, 8)), DAY);
        assert!(matches!(
            change.expect("is a change").before,
            Before::BeforeVersion(7)
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn rows_are_looked_at_when_they_should_have_expired_and_the_oldest_make_room() {
        let mut known = KnownRows::default();
        known.update(digest(0), 1, Some(summary(0, 1)), DAY);
        assert!(known.due(Instant::now()).is_empty());
        assert_eq!(known.due(Instant::now() + 2 * DAY), [digest(0)]);
        for id in 1..=KNOWN_ROWS_MAX {
            tokio::time::advance(Duration::from_millis(1)).await;
            known.update(digest(id), 1, Some(summary(id, 1)), DAY);
        }
        assert_eq!(known.rows.len(), KNOWN_ROWS_MAX);
        assert!(!known.rows.contains_key(&digest(0)));
    }
}
