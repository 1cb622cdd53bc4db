//! One task that owns its share of the conversations in this process: it keeps them in a bounded cache, applies facts,
//! commits what is new, and only then lets records be done.
//!
//! Nothing relies on the ownership: a commit is refused when another process has written since, and is then made again on
//! what that one wrote.

use crate::batch::{Batch, by_conversation};
use crate::config::AssemblyConfig;
use crate::finalised;
use crate::item::{Ticket, Work};
use crate::metrics as names;
use crate::pace::Pace;
use crate::publish::{PublishError, Publisher};
use domain::conversation::Conversation;
use domain::facts::Entry;
use domain::ids::{ConversationKey, Digest, TraceId};
use domain::view::Totals;
use domain::window::Windows;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use metrics::{counter, histogram};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use runtime::health::Condition;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{Commit, IndexUpdate, Store, Summary};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// Most work taken up as one batch. Larger batches fold more spans of one conversation into one commit; beyond this the
/// first of them would wait too long for the last.
const BATCH_WORK_MAX: usize = 1_024;
/// Conversations of a batch that are written at once. Redis answers in order, so more only queue.
const CONCURRENT_COMMITS: usize = 32;
/// How often a commit is tried again on what another process wrote before the batch waits a little.
const CONFLICTS_BEFORE_PAUSE: u32 = 3;
const PAUSE: Duration = Duration::from_millis(20);
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Everything shards share.
#[derive(Debug)]
pub struct Shared {
    pub store: Store,
    pub publisher: Publisher,
    pub config: AssemblyConfig,
    pub store_condition: Condition,
    pub stopping: CancellationToken,
    /// Cancelled when the last offsets are committed: what is written after that is read again anyway.
    pub drained: CancellationToken,
    /// Raised when Redis went back in time: what is cached may then have versions that Redis gave to something else.
    pub cache_epoch: AtomicU64,
}

#[derive(Debug)]
pub struct Shard {
    shared: Arc<Shared>,
    cache: Cache<Digest, Arc<Held>, ByBytes>,
    pace: Pace,
}

/// A conversation as last committed.
#[derive(Clone, Debug)]
struct Held {
    conversation: Conversation,
    summary: Summary,
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
        let updates: Vec<IndexUpdate> = updates.into_iter().flatten().collect();
        let mut retry = Retry::new(&self.shared, "index");
        while let Err(cause) = self.shared.store.index(&updates).await {
            if !retry.after(&cause).await {
                return;
            }
        }
        retry.succeeded();
        tickets.into_iter().flatten().for_each(Ticket::done);
    }

    /// What to bring up to date, and the tickets; `None` when the process stops before the store could do it.
    #[tracing::instrument(skip_all, fields(conversation = %key, facts = batch.facts.len(), closes = batch.close_at_ms.is_some()))]
    async fn commit_until_done(
        &self,
        key: ConversationKey,
        batch: Batch,
    ) -> Option<(Option<IndexUpdate>, Vec<Ticket>)> {
        let mut update = None;
        let mut retry = Retry::new(&self.shared, "commit");
        while !batch.facts.is_empty() || !batch.links.is_empty() {
            match self.add(&key, &batch).await {
                Ok(added) => {
                    update = added;
                    break;
                }
                Err(cause) if retry.after(&cause).await => {}
                Err(_) => return None,
            }
        }
        while let Some(watermark_ms) = batch.close_at_ms {
            match self.close(&key, watermark_ms).await {
                Ok(closed) => {
                    update = closed.or(update);
                    break;
                }
                Err(cause) if retry.after(&cause).await => {}
                Err(_) => return None,
            }
        }
        retry.succeeded();
        Some((update, batch.tickets))
    }

    async fn held(&self, key: &ConversationKey) -> Result<Held, store::Error> {
        let digest = key.digest();
        if let Some((_, held)) = self.cache.remove(&digest) {
            return Ok(Arc::unwrap_or_clone(held));
        }
        counter!(names::CACHE_MISSES).increment(1);
        match self.shared.store.load(key, 0).await {
            Ok(Some(snapshot)) => {
                let mut conversation = Conversation::default();
                snapshot
                    .entries
                    .into_iter()
                    .for_each(|entry| conversation.apply(entry));
                Ok(Held {
                    conversation,
                    summary: snapshot.summary,
                })
            }
            Ok(None) => Ok(Held {
                conversation: Conversation::default(),
                summary: empty_summary(key),
            }),
            Err(cause) => {
                self.reset(key, cause).await?;
                Ok(Held {
                    conversation: Conversation::default(),
                    summary: empty_summary(key),
                })
            }
        }
    }

    /// Kafka is the truth: what cannot be read or added to is dropped, and told, rather than stop everyone else. Any other
    /// error is handed back.
    async fn reset(&self, key: &ConversationKey, cause: store::Error) -> Result<(), store::Error> {
        let store::Error::Corrupt { key: stored, what } = cause else {
            return Err(cause);
        };
        error!(
            key = stored,
            what, "a stored conversation cannot be read: it begins anew, rebuild to recover"
        );
        counter!(names::CONVERSATIONS_RESET).increment(1);
        self.shared.store.remove(key).await
    }

    fn keep(&self, held: Held) {
        self.cache.insert(held.summary.key.digest(), Arc::new(held));
    }

    /// Adds the batch's facts. What is known already is not written again, but its index is: the process may have died
    /// between the two.
    async fn add(
        &self,
        key: &ConversationKey,
        batch: &Batch,
    ) -> Result<Option<IndexUpdate>, store::Error> {
        let limits = &self.shared.config.limits;
        for attempt in 0.. {
            let mut held = self.held(key).await?;
            let known_traces = held.summary.totals.trace_ids.len();
            let mut entry = held
                .conversation
                .entry_for(&batch.facts, &batch.links, limits);
            let gap_ms = self.shared.config.inactivity_gap_ms;
            held.summary
                .windows
                .take_in(&held.conversation, &mut entry, gap_ms);
            if entry.is_empty() {
                let update =
                    (held.summary.version > 0).then(|| index_update(&held.summary, batch.traces()));
                self.keep(held);
                return Ok(update);
            }
            counter!(names::SPANS_STORED).increment(entry.spans.len() as u64);
            counter!(names::SPANS_OMITTED).increment(entry.omitted.len() as u64);
            held.conversation.apply(entry.clone());
            let began = Instant::now();
            held.summary.totals = held.conversation.view().totals;
            self.pace.wrote(key.digest(), began.elapsed());
            held.summary.version += 1;
            held.summary.entries += 1;
            match self.commit(&held.summary, Some(&entry)).await? {
                Commit::Done { token } => {
                    held.summary.token = token;
                    let traces = held
                        .summary
                        .totals
                        .trace_ids
                        .get(known_traces..)
                        .unwrap_or_default();
                    let traces = traces
                        .iter()
                        .filter_map(|trace| TraceId::parse_hex(trace))
                        .collect();
                    let update = index_update(&held.summary, traces);
                    self.keep(held);
                    return Ok(Some(update));
                }
                Commit::Conflict { .. } => self.after_conflict(attempt).await,
            }
        }
        Ok(None)
    }

    /// A log and a summary that do not belong together, because one of them was evicted or deleted, count as a conflict
    /// with nothing: the next attempt begins anew.
    async fn commit(
        &self,
        summary: &Summary,
        entry: Option<&Entry>,
    ) -> Result<Commit, store::Error> {
        match self.shared.store.commit(summary, entry).await {
            Err(cause) => {
                self.reset(&summary.key, cause).await?;
                Ok(Commit::Conflict { version: 0 })
            }
            done => done,
        }
    }

    async fn after_conflict(&self, attempt: u32) {
        counter!(names::COMMIT_CONFLICTS).increment(1);
        if attempt >= CONFLICTS_BEFORE_PAUSE {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Closes every window that the watermark has passed, one revision after the other, each published before the next.
    async fn close(
        &self,
        key: &ConversationKey,
        watermark_ms: i64,
    ) -> Result<Option<IndexUpdate>, store::Error> {
        let gap_ms = self.shared.config.inactivity_gap_ms;
        let mut update = None;
        loop {
            let mut held = self.held(key).await?;
            if held.summary.version == 0 {
                return Ok(update);
            }
            let unpublished = held.summary.published_revision < held.summary.windows.revision;
            if unpublished {
                if !self.publish(&held).await {
                    self.keep(held);
                    return Ok(update);
                }
                held.summary.published_revision = held.summary.windows.revision;
            } else if held
                .summary
                .windows
                .close(&held.conversation, watermark_ms, gap_ms)
                .is_none()
            {
                update = Some(index_update(&held.summary, Vec::new()));
                self.keep(held);
                return Ok(update);
            }
            held.summary.version += 1;
            match self.commit(&held.summary, None).await? {
                Commit::Done { token } => {
                    held.summary.token = token;
                    if !unpublished {
                        counter!(names::WINDOWS_CLOSED).increment(1);
                    }
                    update = Some(index_update(&held.summary, Vec::new()));
                    self.keep(held);
                }
                // Someone else closes it, or something new came: the next look at what is due will tell.
                Commit::Conflict { .. } => return Ok(update),
            }
        }
    }

    /// Sends the latest revision, with the facts that its window closed over, to the topic of finalised conversations.
    /// False when that failed: the revision stays unpublished and due.
    async fn publish(&self, held: &Held) -> bool {
        let gap_ms = self.shared.config.inactivity_gap_ms;
        let Some(closed) = held.summary.windows.latest(gap_ms) else {
            return true;
        };
        let view = held.conversation.closed_over(&closed).view();
        let record = finalised::record(&held.summary.key, &view, closed).to_string();
        match self
            .shared
            .publisher
            .publish(&held.summary.key, record.into_bytes())
            .await
        {
            Ok(()) => true,
            Err(cause) => {
                counter!(names::PUBLISH_ERRORS).increment(1);
                error!(conversation = %held.summary.key, error = %cause, "cannot publish a finalised conversation");
                // What is too large for the topic stays so: the revision counts as given out, and Redis still has it.
                matches!(cause, PublishError::TooLarge { .. })
            }
        }
    }
}

/// Repeats a step while the store cannot do it. Consumption stops by itself meanwhile, since records stay undone.
struct Retry<'a> {
    shared: &'a Shared,
    step: &'static str,
    pause: Duration,
}

impl<'a> Retry<'a> {
    fn new(shared: &'a Shared, step: &'static str) -> Self {
        Self {
            shared,
            step,
            pause: RETRY_MIN,
        }
    }

    /// Waits, longer each time. False when the process stops meanwhile: the records are then read again.
    async fn after(&mut self, cause: &store::Error) -> bool {
        counter!(names::STORE_ERRORS, "step" => self.step).increment(1);
        self.shared
            .store_condition
            .unmet(format!("{}: {cause}", self.step));
        let retry_ms = self.pause.as_millis() as u64;
        warn!(step = self.step, error = %cause, retry_ms, "the store failed, trying again");
        tokio::select! {
            () = tokio::time::sleep(self.pause) => {}
            () = self.shared.stopping.cancelled() => return false,
        }
        self.pause = (self.pause * 2).min(RETRY_MAX);
        true
    }

    fn succeeded(&self) {
        if self.pause > RETRY_MIN {
            self.shared.store_condition.met();
        }
    }
}

/// Never, when there is nothing to wait for.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What to bring up to date outside of the conversation's slot.
fn index_update(summary: &Summary, trace_ids_added: Vec<TraceId>) -> IndexUpdate {
    IndexUpdate {
        summary: Arc::new(summary.clone()),
        trace_ids_added,
    }
}

fn empty_summary(key: &ConversationKey) -> Summary {
    Summary {
        key: key.clone(),
        version: 0,
        token: 0,
        entries: 0,
        windows: Windows::default(),
        totals: Totals::default(),
        published_revision: 0,
    }
}
