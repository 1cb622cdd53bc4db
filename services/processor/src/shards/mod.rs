//! One task that owns its share of the conversations in this process: it keeps them in a bounded cache, applies facts,
//! commits what is new, and only then lets records be done.
//!
//! What happens to a conversation is decided in [`job`]; here the steps are carried out. Nothing relies on the ownership:
//! a commit is refused when another process has written since, and is then made again on what that one wrote.

pub(crate) mod batch;
pub mod job;
mod pace;
pub mod retry;
mod verified;

use crate::config::AssemblyConfig;
use crate::item::{Ticket, Work};
use crate::metrics as names;
use crate::out::publishing::{Desk, Revision};
use batch::{Batch, by_conversation};
use domain::facts::Entry;
use domain::ids::{ConversationKey, Digest};
use domain::window::Closed;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use job::{Close, Held, Job, News, Outcome, Rules, Step, Update};
use metrics::{counter, histogram};
use pace::Pace;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use retry::{Retry, StoreHealth};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{Commit, IndexUpdate, Store, Summary};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::error;
pub use verified::Verified;

/// Most work taken up as one batch. Larger batches fold more spans of one conversation into one commit; beyond this the
/// first of them would wait too long for the last.
const BATCH_WORK_MAX: usize = 1_024;
/// Conversations of a batch that are written at once. Redis answers in order, so more only queue.
const CONCURRENT_COMMITS: usize = 32;
/// How often a commit is tried again on what another process wrote before the batch waits a little.
const CONFLICTS_BEFORE_PAUSE: u32 = 3;
const PAUSE: Duration = Duration::from_millis(20);

/// Everything shards share.
#[derive(Debug)]
pub struct Shared {
    pub store: Store,
    pub desk: Arc<Desk>,
    pub config: AssemblyConfig,
    pub health: Arc<StoreHealth>,
    pub verified: Arc<Verified>,
    pub stopping: CancellationToken,
    /// Cancelled when the last offsets are committed: what is written after that is read again anyway.
    pub drained: CancellationToken,
    /// Raised when the store went back in time: what is cached is then loaded again.
    pub cache_epoch: Arc<AtomicU64>,
}

#[derive(Debug)]
pub struct Shard {
    shared: Arc<Shared>,
    cache: Cache<Digest, Arc<Held>, ByBytes>,
    pace: Pace,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<Digest, Arc<Held>> for ByBytes {
    fn weight(&self, _: &Digest, held: &Arc<Held>) -> u64 {
        held.conversation.memory_bytes() as u64 + 1_024
    }
}

impl Shard {
    pub fn new(shared: Arc<Shared>, cache_bytes_max: u64) -> Self {
        /// What a conversation takes on average; sizes the cache's tables, nothing else.
        const TYPICAL_BYTES: u64 = 32 * 1024;
        let items = (cache_bytes_max / TYPICAL_BYTES).max(16) as usize;
        Self {
            shared,
            cache: Cache::with_weighter(items, cache_bytes_max, ByBytes),
            pace: Pace::default(),
        }
    }

    /// Works until the channel closes or the pipeline has committed its last offsets.
    pub async fn run(mut self, mut work: UnboundedReceiver<Work>) -> anyhow::Result<()> {
        let mut taken = Vec::new();
        let mut epoch = 0;
        loop {
            let rested = self.pace.next();
            tokio::select! {
                biased;
                () = self.shared.drained.cancelled() => return Ok(()),
                () = sleep_until(rested) => {}
                count = work.recv_many(&mut taken, BATCH_WORK_MAX) => {
                    if count == 0 {
                        return Ok(());
                    }
                }
            }
            let current = self.shared.cache_epoch.load(Ordering::Acquire);
            if std::mem::replace(&mut epoch, current) != current {
                self.cache.clear();
            }
            let batches = self.pace.due(by_conversation(taken.drain(..)));
            histogram!(names::BATCH_CONVERSATIONS).record(batches.len() as f64);
            self.commit_all(batches).await;
        }
    }

    /// Commits the batches, updates what stands outside of the conversations' slots, and then lets the records be done.
    #[tracing::instrument(skip_all, fields(conversations = batches.len()))]
    async fn commit_all(&self, batches: HashMap<ConversationKey, Batch>) {
        let commits: Vec<BoxFuture<'_, _>> = batches
            .into_iter()
            .map(|(key, batch)| self.commit_until_done(key, batch).boxed())
            .collect();
        let committed: Vec<_> = futures::stream::iter(commits)
            .buffer_unordered(CONCURRENT_COMMITS)
            .collect()
            .await;
        let (updates, tickets): (Vec<_>, Vec<_>) = committed.into_iter().flatten().unzip();
        let updates: Vec<IndexUpdate> = updates.into_iter().flatten().map(index_update).collect();
        let mut retry = self.retry("index");
        while let Err(cause) = self.shared.store.index(&updates).await {
            if !retry.after(&cause).await {
                return;
            }
        }
        self.shared.health.answered();
        tickets.into_iter().flatten().for_each(Ticket::done);
    }

    /// What to bring up to date, and the tickets; `None` when the process stops before the store could do it.
    #[tracing::instrument(skip_all, fields(conversation = %key, facts = batch.facts.len(), closes = batch.close.is_some()))]
    async fn commit_until_done(
        &self,
        key: ConversationKey,
        batch: Batch,
    ) -> Option<(Option<Update>, Vec<Ticket>)> {
        let digest = key.digest();
        let cached = self.cache.remove(&digest);
        let cached = cached.map(|(_, held)| Arc::unwrap_or_clone(held));
        let Batch {
            facts,
            links,
            moves,
            confirmed,
            close,
            tickets,
            permits: _held_until_done,
        } = batch;
        let rules = Rules {
            limits: self.shared.config.limits,
            inactivity_gap_ms: self.shared.config.inactivity_gap_ms,
        };
        let news = News {
            facts,
            links,
            moves,
        };
        let revision = confirmed.as_ref().map(|confirmed| confirmed.revision);
        let mut job = Job::new(key, news, revision, close.clone(), cached, rules);
        let mut outcome = None;
        loop {
            let began = Instant::now();
            let step = job.next(outcome);
            if let Step::Commit { entry: Some(_), .. } = &step {
                self.pace.wrote(digest, began.elapsed());
            }
            outcome = Some(match step {
                Step::Done => break,
                Step::HandOn(closed) => {
                    self.hand_on(&job, closed, close.as_ref());
                    Outcome::HandedOn
                }
                step => self.carry_out(&job, &step).await?,
            });
        }
        let (held, update) = job.into_parts();
        if let Some(held) = held {
            self.cache.insert(digest, Arc::new(held));
        }
        Some((update, tickets))
    }

    /// `None` when the process stops before the store could do it.
    async fn carry_out(&self, job: &Job, step: &Step) -> Option<Outcome> {
        let name = match step {
            Step::Load => "load",
            Step::Verify(_) => "verify",
            Step::Commit { .. } => "commit",
            Step::Reset => "reset",
            Step::HandOn(_) | Step::Done => "none",
        };
        let mut retry = self.retry(name);
        loop {
            match self.attempt(job, step).await {
                Ok(outcome) => return Some(outcome),
                Err(cause @ store::Error::Corrupt { .. }) if !matches!(step, Step::Reset) => {
                    error!(error = %cause, "a stored conversation cannot be read: it begins anew, rebuild to recover");
                    counter!(names::CONVERSATIONS_RESET).increment(1);
                    return Some(Outcome::Unreadable);
                }
                Err(cause) if retry.after(&cause).await => {}
                Err(_) => return None,
            }
        }
    }

    async fn attempt(&self, job: &Job, step: &Step) -> Result<Outcome, store::Error> {
        let store = &self.shared.store;
        Ok(match step {
            Step::Load => {
                counter!(names::CACHE_MISSES).increment(1);
                Outcome::Loaded(store.load(job.key(), 0).await?.map(Box::new))
            }
            Step::Verify(epoch) => Outcome::Verified(self.shared.verified.is_current(epoch).await?),
            Step::Commit { summary, entry } => {
                let entry = entry.as_deref();
                let commit = store.commit(summary, entry).await?;
                self.count(&commit, summary, entry, job.conflicts).await;
                Outcome::Committed(commit)
            }
            Step::Reset => {
                store.remove(job.key()).await?;
                Outcome::Removed
            }
            Step::HandOn(_) | Step::Done => Outcome::HandedOn,
        })
    }

    /// Counts what was written; and after some conflicts waits a little, so that the others get on.
    async fn count(
        &self,
        commit: &Commit,
        summary: &Summary,
        entry: Option<&Entry>,
        conflicts: u32,
    ) {
        match (commit, entry) {
            (Commit::Done { .. }, Some(entry)) => {
                counter!(names::SPANS_STORED).increment(entry.spans.len() as u64);
                counter!(names::SPANS_OMITTED).increment(entry.omitted.len() as u64);
            }
            (Commit::Done { .. }, None) => {
                let is_closing = summary.published_revision < summary.windows.revision;
                counter!(names::WINDOWS_CLOSED).increment(u64::from(is_closing));
            }
            (Commit::Conflict { .. }, _) => {
                counter!(names::COMMIT_CONFLICTS).increment(1);
                if conflicts >= CONFLICTS_BEFORE_PAUSE {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Hands a revision on to be published. Without room for it nothing is made of it: it is due in the store.
    fn hand_on(&self, job: &Job, closed: Closed, close: Option<&Close>) {
        let desk = &self.shared.desk;
        if !desk.takes(job.key(), closed.revision) {
            return;
        }
        if let Some(view) = job.view_of(&closed) {
            let revision = Revision {
                closed,
                view,
                close: close.cloned(),
            };
            desk.put(job.key().clone(), revision);
        }
    }

    fn retry(&self, step: &'static str) -> Retry<'_> {
        Retry::new(&self.shared.health, &self.shared.stopping, step)
    }
}

/// Never, when there is nothing to wait for.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn index_update(update: Update) -> IndexUpdate {
    IndexUpdate {
        summary: Arc::new(update.summary),
        trace_ids_added: update.traces,
    }
}
