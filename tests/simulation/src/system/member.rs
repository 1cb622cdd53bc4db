//! One processor: books, the work on conversations, what it asks the store and what it is answered.

use super::Flaw;
use super::broker::{Finalised, Written};
use super::client::Client;
use super::nodes::{Partitions, Settling};
use domain::prepare::Prepared;
use processor::books::{Answer, Ask, Books, HandoverId, Room};
use processor::out::outbox::Outbox;
use processor::shards::job::{Close, Held, Job, Step, Update};
use processor::source::{Commitment, Position};
use std::collections::{BTreeMap, VecDeque};
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

/// What waits for its turn on one conversation.
#[derive(Debug, Default)]
pub struct Pending {
    pub facts: Vec<(Prepared, u64)>,
    pub confirmed: Option<u32>,
    pub close: Option<Close>,
}

/// What is done next for a conversation.
#[derive(Debug)]
pub enum Doing {
    Steps(Box<Job>, Step),
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

/// Looking for conversations to close.
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
    pub answers: VecDeque<Answer>,
    pub finished: VecDeque<Position>,
    /// The shares of records that are left.
    pub tickets: BTreeMap<u64, (Position, usize)>,
    pub tickets_given: u64,
    pub pending: BTreeMap<usize, Pending>,
    pub running: BTreeMap<usize, Running>,
    pub outbox: Outbox<Revision>,
    /// Sent, and not answered.
    pub sent: Vec<Revision>,
    cache: VecDeque<(usize, Held)>,
    pub cache_epoch: u64,
    pub due: Option<Close>,
    pub looking: Option<(Close, Looking)>,
    pub next_tick_ms: i64,
    pub next_look_ms: i64,
}

impl Member {
    pub fn new(name: String, epoch: Epoch, records_max: usize, now_ms: i64, flaw: Flaw) -> Self {
        let room = Room {
            records_max,
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
            finished: VecDeque::new(),
            tickets: BTreeMap::new(),
            tickets_given: 0,
            pending: BTreeMap::new(),
            running: BTreeMap::new(),
            outbox: Outbox::default(),
            sent: Vec::new(),
            cache: VecDeque::new(),
            cache_epoch: 0,
            due: None,
            looking: None,
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

    pub fn forget_caches(&mut self) {
        self.cache_epoch += 1;
        self.cache.clear();
        self.due = None;
    }

    pub fn evict(&mut self) {
        self.cache.pop_front();
    }

    /// A share of a record is done.
    pub fn done(&mut self, ticket: u64) {
        if let Some((at, left)) = self.tickets.get_mut(&ticket) {
            *left -= 1;
            if *left == 0 {
                self.finished.push_back(at.clone());
                self.tickets.remove(&ticket);
            }
        }
    }

    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
            && self.running.is_empty()
            && self.tickets.is_empty()
            && self.outbox.is_empty()
    }
}
