//! One processor: books, the work on conversations, what it asks the store and what it is answered.

use super::broker::{Finalised, Written};
use super::client::Client;
use super::nodes::{Partitions, Settling};
use super::stages::Stages;
use super::world::World;
use domain::facts::{Link, Move};
use domain::prepare::Prepared;
use domain::trace::Report;
use processor::books::{self, Ask, Books, HandoverId, Room};
use processor::out::outbox::Outbox;
use processor::placing::job::{self as placing, Kept};
use processor::shards::job::{Close, Held, Outcome, Step, Update};
use processor::shards::sifting::{Sifting, Trouble};
use processor::source::{Commitment, Position};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use store::Epoch;

/// Conversations that a process keeps: fewer than there are, so that some are loaded again.
const CACHED_MAX: usize = 3;

/// Where a process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Running,
    /// It was told to stop: what is in flight may finish until then.
    Draining {
        until_ms: i64,
    },
    /// It waits for the last save.
    LettingGo {
        handover: HandoverId,
        until_ms: i64,
    },
}

/// A question that is on its way to the nodes, one after the other.
#[derive(Debug)]
pub struct Asking {
    pub ask: Ask,
    pub node: usize,
    pub name: String,
    pub losses: u64,
    pub names: Vec<String>,
    pub is_intact: bool,
    pub is_current: bool,
    pub lowest: Option<Partitions>,
    pub others: Vec<(String, i32)>,
}

/// A piece of work, for a conversation or for a trace.
#[derive(Debug)]
pub enum Piece {
    Fact(Prepared),
    Link(Link),
    Move(Move),
    /// What a trace is told of a span; with its fact where that carries no id.
    Told(Report, Option<Prepared>),
}

/// What waits for its turn on one conversation or trace.
#[derive(Debug, Default)]
pub struct Pending {
    /// With the shares of records that wait for it.
    pub pieces: Vec<(Piece, Vec<u64>)>,
    /// The revision of a conversation that was published.
    pub confirmed: Option<u32>,
    /// Or visit, of a trace.
    pub close: Option<Close>,
    /// The version of a trace of which conversations have been told.
    pub told: Option<u64>,
}

/// What is done when all shares are.
#[derive(Debug)]
pub enum Then {
    /// The record is.
    Finished(Position),
    /// The trace is told that conversations know of what was decided in this version.
    Told(usize, u64),
}

/// What is done next for a conversation or a trace.
#[derive(Debug)]
pub enum Doing {
    Steps(Box<Sifting<Vec<u64>>>, Step),
    Placing(Box<placing::Job>, placing::Step),
    /// The index of traces of which something is due is brought up to date; then conversations are told.
    IndexTrace(Box<placing::Told>),
    /// The index of what is due is brought up to date.
    Index(Option<Box<Update>>),
}

/// A revision on its way to its topic.
#[derive(Debug)]
pub struct Revision {
    pub finalised: Finalised,
    pub close: Option<Close>,
}

#[derive(Debug)]
pub struct Running {
    pub doing: Doing,
    pub tickets: Vec<u64>,
    pub confirmed: Option<u32>,
    pub close: Option<Close>,
    pub cache_epoch: u64,
    /// Of the steps that ask all nodes, the next one.
    pub node: usize,
    pub is_current: bool,
}

impl Running {
    /// One of the nodes has said whether the epoch is still the same; when all have, that is the answer.
    pub fn verified(&mut self, is_current: bool, nodes: usize) -> Option<Answer> {
        self.is_current &= is_current;
        self.node += 1;
        if self.node < nodes {
            return None;
        }
        self.node = 0;
        let is_current = std::mem::replace(&mut self.is_current, true);
        Some(match self.doing {
            Doing::Placing(..) => Answer::Placing(placing::Outcome::Verified(is_current)),
            _ => Answer::Job(Ok(Outcome::Verified(is_current))),
        })
    }
}

/// What a step was answered.
#[derive(Debug)]
pub enum Answer {
    Job(Result<Outcome, Trouble>),
    Placing(placing::Outcome),
}

/// Looking for conversations to close, or traces to visit.
#[derive(Debug)]
pub enum Looking {
    /// Entries that were corrected a while ago, then what they should be.
    Settled,
    Confirm(Vec<Settling>),
    Entries,
    Summaries(Vec<(usize, i64)>),
    Settle(Vec<Settling>),
    LookAgain(Vec<usize>),
}

#[derive(Debug)]
pub struct Member {
    pub name: String,
    pub books: Books,
    pub client: Client,
    pub life: Life,
    /// The last offsets to commit before it leaves.
    pub stop_with: Option<Vec<Commitment>>,
    /// Nothing of it runs until then.
    pub frozen_until_ms: i64,
    /// The record that the books are told of.
    pub reading: Option<Arc<Written>>,
    pub asking: Option<Asking>,
    pub answers: VecDeque<books::Answer>,
    pub stages: Stages,
    pub finished: VecDeque<Position>,
    /// The shares that are left of what is to be done before something else is.
    pub tickets: BTreeMap<u64, (Then, usize)>,
    pub tickets_given: u64,
    /// Those of which a share was given up.
    failed: BTreeSet<u64>,
    /// Records that are to become dead letters.
    pub given_up: VecDeque<Position>,
    pub pending: BTreeMap<usize, Pending>,
    pub running: BTreeMap<usize, Running>,
    pub outbox: Outbox<Revision>,
    /// Sent, and not answered.
    pub sent: Vec<Revision>,
    cache: VecDeque<(usize, Held)>,
    traces: VecDeque<(usize, Kept)>,
    pub cache_epoch: u64,
    pub due: Option<Close>,
    /// Up to where all traces are being visited, and up to where they were.
    pub visiting: Option<Close>,
    pub placed: Option<Close>,
    pub looking: Option<(Close, Looking)>,
    /// Whether the next look, or this one, is for traces.
    pub looks_for_traces: bool,

    pub next_tick_ms: i64,
    pub next_look_ms: i64,
}

impl Member {
    pub fn new(name: String, epoch: Epoch, stages: Stages, world: &World<'_>) -> Self {
        let (now_ms, flaw) = (world.now_ms, world.flaw);
        let room = Room {
            records_max: world.records_max,
            bytes_max: usize::MAX,
        };
        Self {
            books: Books::new(name.clone(), epoch, room),
            name,
            client: Client::new(flaw),
            life: Life::Running,
            stop_with: None,
            frozen_until_ms: 0,
            reading: None,
            asking: None,
            answers: VecDeque::new(),
            stages,
            finished: VecDeque::new(),
            tickets: BTreeMap::new(),
            tickets_given: 0,
            failed: BTreeSet::new(),
            given_up: VecDeque::new(),
            pending: BTreeMap::new(),
            running: BTreeMap::new(),
            outbox: Outbox::default(),
            sent: Vec::new(),
            cache: VecDeque::new(),
            traces: VecDeque::new(),
            cache_epoch: 0,
            due: None,
            visiting: None,
            placed: None,
            looking: None,
            looks_for_traces: false,
            next_tick_ms: now_ms,
            next_look_ms: now_ms,
        }
    }

    pub fn take_cached(&mut self, conversation: usize) -> Option<Held> {
        let place = self
            .cache
            .iter()
            .position(|(cached, _)| *cached == conversation)?;
        self.cache.remove(place).map(|(_, held)| held)
    }

    pub fn cache(&mut self, conversation: usize, held: Held, cache_epoch: u64) {
        // What was loaded before the caches were dropped is dropped with them.
        if cache_epoch == self.cache_epoch {
            self.cache.push_back((conversation, held));
            if self.cache.len() > CACHED_MAX {
                self.cache.pop_front();
            }
        }
    }

    pub fn take_cached_trace(&mut self, trace: usize) -> Option<Kept> {
        let place = self
            .traces
            .iter()
            .position(|(cached, _)| *cached == trace)?;
        self.traces.remove(place).map(|(_, kept)| kept)
    }

    pub fn cache_trace(&mut self, trace: usize, kept: Kept, cache_epoch: u64) {
        if cache_epoch == self.cache_epoch {
            self.traces.push_back((trace, kept));
            if self.traces.len() > CACHED_MAX {
                self.traces.pop_front();
            }
        }
    }

    pub fn forget_caches(&mut self) {
        self.cache_epoch += 1;
        self.cache.clear();
        self.traces.clear();
        self.due = None;
        self.visiting = None;
        self.placed = None;
    }

    pub fn evict(&mut self) {
        self.cache.pop_front();
        self.traces.pop_front();
    }

    /// Gives a conversation or a trace something to do. Its records wait for it.
    pub fn give(&mut self, number: usize, piece: Piece, tickets: &[u64]) {
        for ticket in tickets {
            if let Some((_, left)) = self.tickets.get_mut(ticket) {
                *left += 1;
            }
        }
        let pending = self.pending.entry(number).or_default();
        pending.pieces.push((piece, tickets.to_vec()));
    }

    /// A ticket with one share.
    pub fn ticket(&mut self, then: Then) -> u64 {
        self.tickets_given += 1;
        self.tickets.insert(self.tickets_given, (then, 1));
        self.tickets_given
    }

    /// A share is given up.
    pub fn give_up(&mut self, ticket: u64) {
        self.failed.insert(ticket);
        self.done(ticket);
    }

    /// A share is done.
    pub fn done(&mut self, ticket: u64) {
        let Some((_, left)) = self.tickets.get_mut(&ticket) else {
            return;
        };
        *left -= 1;
        if *left > 0 {
            return;
        }
        let is_failed = self.failed.remove(&ticket);
        match self.tickets.remove(&ticket) {
            Some((Then::Finished(at), _)) if is_failed => self.given_up.push_back(at),
            Some((Then::Finished(at), _)) => self.finished.push_back(at),
            Some((Then::Told(trace, version), _)) => {
                let pending = self.pending.entry(trace).or_default();
                pending.told = pending.told.max(Some(version));
            }
            None => {}
        }
    }

    /// Up to where traces are visited next: until nothing is due by then, the same.
    pub fn next_visit(&mut self) -> Option<Close> {
        let due = self.due.clone()?;
        let visiting = self.visiting.take();
        let visiting = visiting.filter(|visiting| visiting.epoch == due.epoch);
        self.visiting = Some(visiting.unwrap_or(due));
        self.visiting.clone()
    }

    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
            && self.running.is_empty()
            && self.tickets.is_empty()
            && self.outbox.is_empty()
            && self.stages.is_idle()
    }
}
