//! Tasks that own their share of the traces in this process: each keeps them in a bounded cache, takes in what is reported of
//! them, commits what is new, and tells conversations of the spans that stand in them.
//!
//! What happens to a trace is decided in [`job`]; here the steps are carried out. As with conversations, nothing relies on the
//! ownership. Whatever waits is in the store when its record is done: no span without an id holds an offset, room or memory.

pub mod chaining;
pub mod due;
pub mod job;
mod unassigned;

use crate::config::ProcessorConfig;
use crate::item::{Shards, Ticket};
use crate::metrics as names;
use crate::shards::Verified;
use crate::shards::retry::{Retry, StoreHealth};
use chaining::ToChain;
use domain::ids::{ConversationKey, Digest, TraceKey};
use domain::trace::Rule;
use futures::FutureExt as _;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use job::{Job, Kept, Outcome, Rules, Step, Told};
use metrics::counter;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{Commit, Held, Store, TraceCommit, TraceHead};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};
use unassigned::Unassigned;

/// Most work taken up as one batch.
const BATCH_WORK_MAX: usize = 1_024;
/// Traces of a batch that are written at once.
const CONCURRENT_COMMITS: usize = 32;
/// How often a commit is tried again on what another process wrote before the batch waits a little.
const CONFLICTS_BEFORE_PAUSE: u32 = 3;
const PAUSE: Duration = Duration::from_millis(20);
/// How often the counts of spans without a conversation are written.
const COUNT_EVERY: Duration = Duration::from_millis(500);
/// Longer than anything that a trace is kept for, so that it does not expire before its time has come.
const TTL_MARGIN_MS: i64 = 3_600_000;

/// Work for the task that owns a trace in this process.
#[derive(Debug)]
pub struct Place {
    pub key: TraceKey,
    pub work: job::Work,
    pub tickets: Vec<Ticket>,
    /// Bound how many traces are visited at once.
    pub permits: Vec<OwnedSemaphorePermit>,
}

/// The ways to the tasks, one each.
#[derive(Clone, Debug)]
pub struct Places(pub Arc<[UnboundedSender<Place>]>);

impl Places {
    pub fn send(&self, place: Place) {
        let digest = u128::from_le_bytes(place.key.digest().0);
        let task = (digest % self.0.len() as u128) as usize;
        if self.0[task].send(place).is_err() {
            // The task has stopped, and with it the process: the record stays undone.
            debug!(task, "work for a stopped task was dropped");
        }
    }
}

/// Everything that these tasks share.
#[derive(Debug)]
pub struct Shared {
    pub store: Store,
    pub config: ProcessorConfig,
    pub health: Arc<StoreHealth>,
    pub verified: Arc<Verified>,
    pub shards: Shards,
    pub places: Places,
    pub chaining: UnboundedSender<ToChain>,
    pub stopping: CancellationToken,
    /// See [`crate::shards::Shared::drained`].
    pub drained: CancellationToken,
    /// See [`crate::shards::Shared::cache_epoch`].
    pub cache_epoch: Arc<AtomicU64>,
}

#[derive(Debug)]
pub struct Placing {
    shared: Arc<Shared>,
    cache: Cache<Digest, Arc<Kept>, ByBytes>,
    unassigned: Unassigned,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<Digest, Arc<Kept>> for ByBytes {
    fn weight(&self, _: &Digest, kept: &Arc<Kept>) -> u64 {
        kept.memory_bytes() as u64 + 512
    }
}

/// A trace that was worked on.
struct Worked {
    key: TraceKey,
    told: Told,
    tickets: Vec<Ticket>,
    permits: Vec<OwnedSemaphorePermit>,
}

impl Placing {
    pub fn new(shared: Arc<Shared>, cache_bytes_max: u64) -> Self {
        /// What a trace takes on average; sizes the cache's tables, nothing else.
        const TYPICAL_BYTES: u64 = 8 * 1024;
        let items = (cache_bytes_max / TYPICAL_BYTES).max(16) as usize;
        Self {
            shared,
            cache: Cache::with_weighter(items, cache_bytes_max, ByBytes),
            unassigned: Unassigned::default(),
        }
    }

    /// Works until the channel closes or the pipeline has committed its last offsets.
    pub async fn run(mut self, mut work: UnboundedReceiver<Place>) -> anyhow::Result<()> {
        let mut counting = tokio::time::interval(COUNT_EVERY);
        counting.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut taken = Vec::new();
        let mut epoch = 0;
        loop {
            tokio::select! {
                biased;
                () = self.shared.drained.cancelled() => return Ok(()),
                _ = counting.tick() => {
                    self.unassigned.flush(&self.shared.store, &self.shared.health).await;
                    continue;
                }
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
            let worked = self.work_all(by_trace(taken.drain(..))).await;
            for worked in worked {
                self.tell(worked);
            }
        }
    }

    /// Works on all traces, and notes outside of their slots what is to be found there. Records are not done before.
    async fn work_all(&self, places: HashMap<TraceKey, Place>) -> Vec<Worked> {
        let jobs: Vec<BoxFuture<'_, _>> = places
            .into_values()
            .map(|place| self.work_until_done(place).boxed())
            .collect();
        let worked: Vec<Worked> = futures::stream::iter(jobs)
            .buffer_unordered(CONCURRENT_COMMITS)
            .filter_map(std::future::ready)
            .collect()
            .await;
        if self.note(&worked).await {
            worked
        } else {
            Vec::new()
        }
    }

    /// False when the process stops before the store could do it.
    async fn note(&self, worked: &[Worked]) -> bool {
        let heads: Vec<TraceHead> = worked
            .iter()
            .filter_map(|worked| worked.told.head.clone())
            .collect();
        let held: Vec<Held> = worked
            .iter()
            .filter_map(|worked| worked.told.held.clone())
            .collect();
        let mut retry = self.retry("index traces");
        while !heads.is_empty() {
            match self.shared.store.index_traces(&heads).await {
                Ok(()) => break,
                Err(cause) if retry.after(&cause).await => {}
                Err(_) => return false,
            }
        }
        if held.is_empty() {
            return true;
        }
        let bytes_max = self.shared.config.resolve.held_bytes_max;
        loop {
            match self
                .shared
                .store
                .hold(&held, bytes_max, self.ttl_ms())
                .await
            {
                Ok(beyond) => {
                    self.let_go(beyond).await;
                    return true;
                }
                Err(cause) if retry.after(&cause).await => {}
                Err(_) => return false,
            }
        }
    }

    /// Has traces let go of what they hold. Whoever notes something of the project next is told of them again.
    async fn let_go(&self, beyond: Vec<Held>) {
        let digests: Vec<Digest> = beyond.iter().map(|held| held.trace).collect();
        let heads = match self.shared.store.trace_heads(&digests).await {
            Ok(heads) => heads,
            Err(cause) => return self.shared.health.failed("traces", &cause),
        };
        let mut gone = Vec::new();
        for (held, head) in beyond.into_iter().zip(heads) {
            match head {
                Some(head) => self.shared.places.send(Place {
                    key: head.key,
                    work: job::Work {
                        lets_go: true,
                        ..job::Work::default()
                    },
                    tickets: Vec::new(),
                    permits: Vec::new(),
                }),
                None => gone.push(Held { bytes: 0, ..held }),
            }
        }
        if let Err(cause) = self.shared.store.hold(&gone, u64::MAX, self.ttl_ms()).await {
            self.shared.health.failed("traces", &cause);
        }
    }

    /// `None` when the process stops before the store could do it.
    #[tracing::instrument(skip_all, fields(trace = %place.key.trace, reports = place.work.batch.reports.len()))]
    async fn work_until_done(&self, place: Place) -> Option<Worked> {
        let Place {
            key,
            work,
            tickets,
            permits,
        } = place;
        let digest = key.digest();
        let cached = self.cache.remove(&digest);
        let cached = cached.map(|(_, kept)| Arc::unwrap_or_clone(kept));
        let rules = self.rules(&key.project);
        let mut job = Job::new(key.clone(), work, cached, rules);
        let mut outcome = None;
        loop {
            let step = job.next(outcome);
            if let Step::Done = step {
                break;
            }
            outcome = Some(self.carry_out(&job, &step).await?);
        }
        let (kept, told) = job.into_parts();
        if let Some(kept) = kept {
            self.cache.insert(digest, Arc::new(kept));
        }
        Some(Worked {
            key,
            told,
            tickets,
            permits,
        })
    }

    fn rules(&self, project: &str) -> Rules {
        let config = &self.shared.config;
        Rules {
            limits: config.assembly.limits,
            times: config.resolve.times(),
            without_id: config.assembly.without_id_of(project),
            retry_ms: config.chain.try_every_ms(),
        }
    }

    /// `None` when the process stops before the store could do it.
    async fn carry_out(&self, job: &Job, step: &Step) -> Option<Outcome> {
        let name = match step {
            Step::Load => "load trace",
            Step::Verify(_) => "verify",
            Step::Commit { .. } => "commit trace",
            Step::Reset | Step::Done => "reset trace",
        };
        let mut retry = self.retry(name);
        loop {
            match self.attempt(job, step).await {
                Ok(outcome) => return Some(outcome),
                Err(cause @ store::Error::Corrupt { .. }) if !matches!(step, Step::Reset) => {
                    error!(error = %cause, trace = %job.key().trace, "a stored trace cannot be read: its spans are placed anew by what comes");
                    return Some(Outcome::Unreadable);
                }
                Err(cause) if retry.after(&cause).await => {}
                Err(_) => return None,
            }
        }
    }

    async fn attempt(&self, job: &Job, step: &Step) -> Result<Outcome, store::Error> {
        let store = &self.shared.store;
        let digest = job.key().digest();
        Ok(match step {
            Step::Load => {
                let loaded = store.load_traces(&[digest]).await?.pop().flatten();
                Outcome::Loaded(loaded.map(Box::new))
            }
            Step::Verify(epoch) => Outcome::Verified(self.shared.verified.is_current(epoch).await?),
            Step::Commit {
                head,
                entry,
                is_anew,
            } => {
                let commit = TraceCommit {
                    head,
                    entry,
                    is_anew: *is_anew,
                };
                let commit = store.commit_trace(commit, self.ttl_ms()).await?;
                if let Commit::Conflict { .. } = commit {
                    counter!(names::TRACE_CONFLICTS).increment(1);
                    if job.conflicts >= CONFLICTS_BEFORE_PAUSE {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                Outcome::Committed(commit)
            }
            Step::Reset | Step::Done => {
                store.remove_trace(&digest).await?;
                Outcome::Removed
            }
        })
    }

    fn ttl_ms(&self) -> u64 {
        let kept_ms = self.shared.config.resolve.times().kept_ms();
        u64::try_from(kept_ms.saturating_add(TTL_MARGIN_MS)).unwrap_or(u64::MAX)
    }

    fn retry(&self, step: &'static str) -> Retry<'_> {
        Retry::new(&self.shared.health, &self.shared.stopping, step)
    }

    /// Tells conversations, counters and chaining what became of a trace's spans. Its records are done when all of that is.
    fn tell(&mut self, worked: Worked) {
        let Worked {
            key,
            told,
            tickets,
            permits,
        } = worked;
        let (ticket, permits) = match told.is_awaited {
            None => (Ticket::of_all(tickets), permits),
            Some(version) => {
                let (places, key) = (self.shared.places.clone(), key.clone());
                let mark = move || {
                    places.send(Place {
                        key,
                        work: job::Work {
                            told: Some(version),
                            ..job::Work::default()
                        },
                        tickets: Vec::new(),
                        permits,
                    });
                };
                (Ticket::of_all_then(tickets, mark), Vec::new())
            }
        };
        let conversation = |id: String| ConversationKey {
            project: key.project.clone(),
            id,
        };
        for (id, rule, prepared) in told.facts {
            counter!(names::RESOLVED, "rule" => rule_name(rule)).increment(1);
            self.shared.shards.send(crate::item::Work::Fact {
                conversation: conversation(id),
                prepared: Box::new(prepared),
                ticket: ticket.another(),
            });
        }
        for (id, moved) in told.moves {
            self.shared.shards.send(crate::item::Work::Move {
                conversation: conversation(id),
                moved,
                ticket: ticket.another(),
            });
        }
        for (id, link) in told.links {
            self.shared.shards.send(crate::item::Work::Link {
                conversation: conversation(id),
                link,
                ticket: ticket.another(),
            });
        }
        let reason = if told.is_let_go {
            "no_room"
        } else {
            "no_conversation"
        };
        for prepared in &told.lost {
            counter!(names::SPANS_DROPPED, "reason" => reason).increment(1);
            self.unassigned.count(&key, prepared, 1);
        }
        for prepared in &told.found {
            self.unassigned.count(&key, prepared, -1);
        }
        if let Some((pieces, now_ms)) = told.to_chain {
            // It is gone only when the process is stopping; the spans are due still.
            let _ = self.shared.chaining.send(ToChain {
                pieces,
                now_ms,
                permits,
            });
        }
        ticket.done();
    }
}

fn rule_name(rule: Rule) -> &'static str {
    match rule {
        Rule::Own => "own",
        Rule::Ancestor => "ancestor",
        Rule::OnlyOneInTrace => "only_one_in_trace",
        Rule::Trace => "trace",
        Rule::History => "history",
    }
}

fn by_trace(taken: impl Iterator<Item = Place>) -> HashMap<TraceKey, Place> {
    let mut places: HashMap<TraceKey, Place> = HashMap::new();
    for place in taken {
        match places.get_mut(&place.key) {
            Some(known) => {
                known.work.append(place.work);
                known.tickets.extend(place.tickets);
                known.permits.extend(place.permits);
            }
            None => drop(places.insert(place.key.clone(), place)),
        }
    }
    places
}
