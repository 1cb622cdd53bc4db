//! One task that owns its share of the conversations in this process: it keeps them in a bounded cache, applies facts,
//! commits what is new, and only then lets records be done.
//!
//! What happens to a conversation is decided in [`job`] and [`sifting`]; [`commit`] carries the steps out. Nothing relies on the ownership:
//! a commit is refused when another process has written since, and is then made again on what that one wrote.

mod apart;
pub(crate) mod aside;
pub(crate) mod batch;
pub(crate) mod cache;
mod commit;
mod held;
pub mod job;
mod pace;
pub mod retry;
pub mod shares;
pub mod sifting;
mod verified;

use crate::config::AssemblyConfig;
use crate::item::{Ticket, Work};
use crate::metrics as names;
use crate::out::publishing::Desk;
use aside::{Aside, give_up};
use batch::{Batch, by_conversation};
use cache::{TaskCache, Weighs};
use commit::Committed;
use domain::ids::ConversationKey;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use job::Held;
use metrics::histogram;
use pace::Pace;
use retry::{Retry, StoreHealth};
use sifting::Trouble;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use store::{Remedy, Store};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
pub use verified::Verified;

/// Most work taken up as one batch. Larger batches fold more spans of one conversation into one commit; beyond this the
/// first of them would wait too long for the last.
const BATCH_WORK_MAX: usize = 1_024;
/// Conversations of a batch that are written at once. Redis answers in order, so more only queue.
const CONCURRENT_COMMITS: usize = 32;

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
    cache: TaskCache<Held>,
    pace: Pace,
    aside: Aside<ConversationKey, Batch>,
}

impl Weighs for Held {
    const TYPICAL_BYTES: u64 = 32 * 1024;

    fn weight_bytes(&self) -> u64 {
        self.conversation.memory_bytes() as u64 + 1_024
    }
}

impl Shard {
    pub fn new(shared: Arc<Shared>, cache_bytes_max: u64) -> Self {
        let cache_epoch = Arc::clone(&shared.cache_epoch);
        Self {
            shared,
            cache: TaskCache::new(cache_bytes_max, cache_epoch),
            pace: Pace::default(),
            aside: Aside::default(),
        }
    }

    /// Works until the channel closes or the pipeline has committed its last offsets.
    pub async fn run(mut self, mut work: UnboundedReceiver<Work>) -> anyhow::Result<()> {
        let mut taken = Vec::new();
        loop {
            let rested = [self.pace.next(), self.aside.next()];
            let rested = rested.into_iter().flatten().min();
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
            self.cache.look_at_epoch();
            let batches = self.pace.due(by_conversation(taken.drain(..)));
            let batches = self.aside.sort(batches);
            histogram!(names::BATCH_CONVERSATIONS).record(batches.len() as f64);
            self.commit_all(batches).await;
        }
    }

    /// Commits the batches, updates what stands outside of the conversations' slots, and then lets the records be done.
    #[tracing::instrument(skip_all, fields(conversations = batches.len()))]
    async fn commit_all(&mut self, batches: HashMap<ConversationKey, Batch>) {
        let commits: Vec<BoxFuture<'_, _>> = batches
            .into_iter()
            .map(|(key, batch)| self.commit_until_done(key, batch).boxed())
            .collect();
        let committed: Vec<Option<Committed>> = futures::stream::iter(commits)
            .buffer_unordered(CONCURRENT_COMMITS)
            .collect()
            .await;
        let committed: Vec<Committed> = committed.into_iter().flatten().collect();
        let Some(indexed) = self.index_all(&committed).await else {
            return;
        };
        for (committed, indexed) in committed.into_iter().zip(indexed) {
            self.settle(committed, indexed);
        }
        self.shared.health.answered();
    }

    /// Lets records be done, or gives them up.
    fn settle(&mut self, committed: Committed, indexed: Result<(), Trouble>) {
        let Committed {
            key,
            tickets,
            refused,
            trouble,
            ..
        } = committed;
        for (ticket, cause) in refused {
            let why = format!("a part of it is refused by the store: {cause}");
            give_up(ticket, Remedy::SetApart, &why);
        }
        if let Err(trouble) = indexed {
            let why = format!("{key} cannot be listed: {}", trouble.cause);
            for ticket in tickets {
                give_up(ticket, trouble.remedy, &why);
            }
            self.aside.failed(key.clone(), &trouble, Batch::default());
        } else {
            tickets.into_iter().for_each(Ticket::done);
            if trouble.is_none() {
                self.aside.works(&key);
            }
        }
        if let Some((trouble, left)) = trouble {
            self.aside.failed(key, &trouble, left.into());
        }
    }

    fn retry(&self, step: &'static str) -> Retry<'_> {
        Retry::new(&self.shared.health, &self.shared.stopping, step)
    }
}

/// Never, when there is nothing to wait for.
pub(crate) async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
