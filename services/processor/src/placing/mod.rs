//! Tasks that own their share of the traces in this process: each keeps them in a bounded cache, takes in what is reported of
//! them, commits what is new, and tells conversations of the spans that stand in them.
//!
//! What happens to a trace is decided in [`job`]; [`commit`] carries the steps out. As with conversations, nothing relies on the
//! ownership. Whatever waits is in the store when its record is done: no span without an id holds an offset, room or memory.

pub mod chaining;
mod commit;
pub mod due;
pub mod job;

use crate::config::ProcessorConfig;
use crate::item::{Owned, Shards, Ticket, Ways};
use crate::metrics as names;
use crate::shards::aside::{Aside, Waits, append};
use crate::shards::cache::{TaskCache, Weighs};
use crate::shards::retry::StoreHealth;
use crate::shards::{Verified, sleep_until};
use crate::tallies::{Seen, Tallies};
use chaining::ToChain;
use commit::{Came, Worked};
use domain::ids::{ConversationKey, Digest, TraceKey};
use domain::prepare::{Fact, Prepared};
use domain::trace::Rule;
use futures::FutureExt as _;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use job::Kept;
use metrics::counter;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use store::Store;
use store::Tally;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio_util::sync::CancellationToken;

/// Most work taken up as one batch.
const BATCH_WORK_MAX: usize = 1_024;
/// Traces of a batch that are written at once.
const CONCURRENT_COMMITS: usize = 32;
/// How often the counts of spans without a conversation are written.
const COUNT_EVERY: Duration = Duration::from_millis(500);

/// Work for the task that owns a trace in this process.
#[derive(Debug)]
pub struct Place {
    pub key: TraceKey,
    pub work: job::Work,
    pub tickets: Vec<Ticket>,
    /// Bound how many traces are visited at once.
    pub permits: Vec<OwnedSemaphorePermit>,
}

impl Waits for Place {
    fn append(&mut self, later: Self) {
        self.work.append(later.work);
        self.tickets.extend(later.tickets);
        self.permits.extend(later.permits);
    }

    /// What is to be visited stays due.
    fn drop_what_is_due(&mut self) {
        self.work.visit = None;
        self.permits.clear();
    }

    fn is_empty(&self) -> bool {
        self.work.is_empty() && self.tickets.is_empty()
    }

    fn into_tickets(self) -> Vec<Ticket> {
        self.tickets
    }
}

impl Owned for Place {
    fn digest(&self) -> Digest {
        self.key.digest()
    }
}

/// The ways to the tasks.
pub type Places = Ways<Place>;

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
    cache: TaskCache<Kept>,
    unassigned: Tallies,
    aside: Aside<TraceKey, Place>,
}

impl Weighs for Kept {
    const TYPICAL_BYTES: u64 = 8 * 1024;

    fn weight_bytes(&self) -> u64 {
        self.trace.memory_bytes() as u64 + 512
    }
}

impl Placing {
    pub fn new(shared: Arc<Shared>, cache_bytes_max: u64) -> Self {
        let cache_epoch = Arc::clone(&shared.cache_epoch);
        Self {
            shared,
            cache: TaskCache::new(cache_bytes_max, cache_epoch),
            unassigned: Tallies::new(Tally::Unassigned),
            aside: Aside::default(),
        }
    }

    /// Works until the channel closes or the pipeline has committed its last offsets.
    pub async fn run(mut self, mut work: UnboundedReceiver<Place>) -> anyhow::Result<()> {
        let mut counting = tokio::time::interval(COUNT_EVERY);
        counting.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut taken = Vec::new();
        loop {
            let over = self.aside.next();
            tokio::select! {
                biased;
                () = self.shared.drained.cancelled() => return Ok(()),
                () = sleep_until(over) => {}
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
            self.cache.look_at_epoch();
            let places = self.aside.sort(by_trace(taken.drain(..)));
            let worked = self.work_all(places).await;
            for worked in worked {
                self.tell(worked);
            }
        }
    }

    /// Works on all traces, and notes outside of their slots what is to be found there. Records are not done before.
    async fn work_all(&mut self, places: HashMap<TraceKey, Place>) -> Vec<Worked> {
        let jobs: Vec<BoxFuture<'_, _>> = places
            .into_values()
            .map(|place| self.work_until_done(place).boxed())
            .collect();
        let came: Vec<Came> = futures::stream::iter(jobs)
            .buffer_unordered(CONCURRENT_COMMITS)
            .filter_map(std::future::ready)
            .collect()
            .await;
        let mut worked = Vec::new();
        for came in came {
            match came {
                Came::Of(one) => {
                    self.aside.works(&one.key);
                    worked.push(one);
                }
                Came::ToNothing(trouble, left) => {
                    self.aside.failed(left.key.clone(), &trouble, left);
                }
            }
        }
        if self.note(&worked).await {
            worked
        } else {
            Vec::new()
        }
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
            self.count_unassigned(&key, prepared, 1);
        }
        for prepared in &told.found {
            self.count_unassigned(&key, prepared, -1);
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

    fn count_unassigned(&mut self, key: &TraceKey, prepared: &Prepared, by: i64) {
        let (instrumentation, is_llm_call) = match &prepared.fact {
            Fact::Span(span) => (span.instrumentation.as_str(), span.operation.is_llm()),
            // That one belongs to no call says nothing of how calls are told.
            Fact::Log(log) if log.is_error_only() => return,
            Fact::Log(_) => ("log records", false),
        };
        let seen = Seen {
            project: &key.project,
            instrumentation,
            trace: key.trace,
            is_llm_call,
            record_ms: prepared.fact.record_ms(),
        };
        self.unassigned.count(seen, by);
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
        append(&mut places, place.key.clone(), place);
    }
    places
}
