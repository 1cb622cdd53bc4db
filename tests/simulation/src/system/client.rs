//! The model of a member's poll thread: what it handed on and holds back, when it pauses, what it wants committed. It
//! stands where `processor::source` has threads; ends are judged by the same code. What it polls is in `fetching.rs`.

use super::Flaw;
use super::broker::{Broker, Written};
use super::fetching::Fetcher;
use super::pausing::Pausing;
use processor::books::{Event, HandoverId};
use processor::source::ends::Reading;
use processor::source::{Begun, Commitment, Position, Start, TopicPartition};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Records that wait for the pipeline.
pub const RECORDS_MAX: usize = 3;

#[derive(Clone, Copy, Debug)]
pub struct Owned {
    pub generation: u64,
    pub reading: Reading,
    /// In which incarnation of the log the last record was read that was handed on.
    pub incarnation: Option<u64>,
}

/// What the poll thread is told.
#[derive(Clone, Debug)]
pub enum Order {
    Commit(Vec<Commitment>),
    Seek(TopicPartition, Start),
    StandStill(BTreeSet<TopicPartition>),
}

/// A revocation that waits for the offsets of what is done.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub handover: HandoverId,
    pub until_ms: i64,
    pub answer: Option<Vec<Commitment>>,
}

/// A record on its way to the books, with what it holds, and the incarnation of its log when it was fetched.
#[derive(Clone, Debug)]
pub struct Read {
    pub at: Position,
    pub written: Arc<Written>,
    incarnation: u64,
}

#[derive(Debug)]
pub struct Client {
    pub owned: BTreeMap<TopicPartition, Owned>,
    pub fetcher: Fetcher,
    pub flaw: Flaw,
    generations: u64,
    handovers: u64,
    pub delivered_ms: i64,
    pub held: VecDeque<Read>,
    /// How often a partition was read anew because its log had lost its end.
    pub begun_anew: u64,
    pub pausing: Pausing,
    /// To the pipeline, which takes events first.
    pub records: VecDeque<Read>,
    pub events: VecDeque<Event>,
    pub orders: VecDeque<Order>,
    pub waiting: Option<Waiting>,
    wanted: BTreeMap<TopicPartition, (i64, Option<i64>)>,
    /// Of the group, in which it owns partitions.
    pub group_generation: u32,
    /// When it next hears from the group.
    pub next_heartbeat_ms: i64,
    pub told_counts: Option<BTreeMap<Arc<str>, i32>>,
}

impl Client {
    pub fn new(flaw: Flaw) -> Self {
        Self {
            owned: BTreeMap::new(),
            fetcher: Fetcher::default(),
            flaw,
            generations: 0,
            handovers: 0,
            delivered_ms: 0,
            held: VecDeque::new(),
            begun_anew: 0,
            pausing: Pausing::default(),
            records: VecDeque::new(),
            events: VecDeque::new(),
            orders: VecDeque::new(),
            waiting: None,
            wanted: BTreeMap::new(),
            group_generation: 0,
            next_heartbeat_ms: 0,
            told_counts: None,
        }
    }

    fn begin(&mut self, partition: TopicPartition, start: Option<Start>, now_ms: i64) -> Begun {
        self.generations += 1;
        self.wanted.remove(&partition);
        let owned = Owned {
            generation: self.generations,
            reading: Reading {
                next_offset: start.map(|start| start.offset),
                end_offset: None,
                begun_ms: now_ms,
                moved_ms: now_ms,
            },
            incarnation: None,
        };
        self.owned.insert(partition.clone(), owned);
        Begun {
            partition,
            generation: self.generations,
            start,
            is_from_beginning: false,
        }
    }

    /// Partitions are assigned. `is_unknown` says of which it could not be looked up where to begin.
    pub fn assigned(
        &mut self,
        partitions: &[TopicPartition],
        broker: &Broker,
        now_ms: i64,
        mut draw: impl FnMut() -> (bool, i64),
    ) {
        let mut begun = Vec::new();
        for partition in partitions {
            let committed = broker.group.committed.get(partition).copied();
            let (offset, time_ms) = committed.unwrap_or((0, None));
            let (is_unknown, turn_ms) = draw();
            self.fetcher.read_from(partition, offset, now_ms + turn_ms);
            let start = (!is_unknown).then_some(Start { offset, time_ms });
            begun.push(Begun {
                is_from_beginning: !is_unknown && offset == 0,
                ..self.begin(partition.clone(), start, now_ms)
            });
        }
        self.pausing.is_newly_assigned();
        self.events.push_back(Event::Assigned(begun));
    }

    /// Partitions are to be let go: the books are asked first.
    pub fn revoke(&mut self, until_ms: i64) {
        self.handovers += 1;
        let handover = HandoverId(self.handovers);
        let partitions = self.owned.keys().cloned().collect();
        self.events.push_back(Event::Revoked {
            partitions,
            handover,
        });
        self.waiting = Some(Waiting {
            handover,
            until_ms,
            answer: None,
        });
    }

    /// A name for a handover that nobody else has.
    pub fn handover(&mut self) -> HandoverId {
        self.handovers += 1;
        HandoverId(self.handovers)
    }

    /// Partitions are gone already.
    pub fn lose(&mut self, now_ms: i64) {
        let partitions = self.owned.keys().cloned().collect();
        self.events.push_back(Event::Lost(partitions));
        self.forget(now_ms);
    }

    pub fn forget(&mut self, now_ms: i64) {
        self.owned.clear();
        self.wanted.clear();
        if self.flaw != Flaw::LastingPauses {
            self.fetcher.set_paused(|_| false, now_ms);
        }
        self.fetcher.unassign();
    }

    /// Takes note of what is to be committed. Returns what passes all that was handed on: nobody can have done that.
    pub fn want(&mut self, commitments: Vec<Commitment>) -> Option<Commitment> {
        let mut breach = None;
        for commitment in commitments {
            let Some(owned) = self.owned.get(&commitment.next.partition) else {
                continue;
            };
            let offset = commitment.next.offset;
            if owned.generation != commitment.generation {
                continue;
            }
            if Some(offset) > owned.reading.known_offset() {
                breach = Some(commitment);
                continue;
            }
            let wanted = (offset, commitment.time_ms);
            let known = self
                .wanted
                .entry(commitment.next.partition)
                .or_insert(wanted);
            if offset >= known.0 {
                *known = wanted;
            }
        }
        breach
    }

    /// What is to be committed now.
    pub fn take_wanted(&mut self) -> BTreeMap<TopicPartition, (i64, Option<i64>)> {
        std::mem::take(&mut self.wanted)
    }

    pub fn has_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    pub fn seek(&mut self, partition: &TopicPartition, to: Start, now_ms: i64, turn_ms: i64) {
        if !self.owned.contains_key(partition) {
            return;
        }
        self.fetcher
            .read_from(partition, to.offset, now_ms + turn_ms);
        let begun = Begun {
            is_from_beginning: to.offset == 0,
            ..self.begin(partition.clone(), Some(to), now_ms)
        };
        self.events.push_back(Event::Assigned(vec![begun]));
        self.held.retain(|held| held.at.partition != *partition);
        self.look_for_pressure();
    }

    pub fn begin_anew(&mut self, partition: TopicPartition, start: Start, now_ms: i64) -> u64 {
        let begun = Begun {
            is_from_beginning: true,
            ..self.begin(partition, Some(start), now_ms)
        };
        let generation = begun.generation;
        self.events.push_back(Event::Assigned(vec![begun]));
        generation
    }

    pub fn delivers(&self) -> bool {
        let may = match self.held.front() {
            Some(held) => self.records.len() < RECORDS_MAX || !self.is_ours(&held.at),
            None => self.fetcher.has_fetched(),
        };
        may && self.waiting.is_none()
    }

    fn is_ours(&self, at: &Position) -> bool {
        let owned = self.owned.get(&at.partition);
        owned.is_some_and(|owned| owned.generation == at.generation)
    }

    /// Takes one record from the client, and hands on what is held as far as there is room. Returns what was handed on.
    pub fn deliver(&mut self, now_ms: i64) -> Result<Vec<Position>, String> {
        self.delivered_ms = now_ms;
        if self.held.is_empty()
            && let Some(fetched) = self.fetcher.take()
            && let Some(owned) = self.owned.get(&fetched.partition)
        {
            let at = Position {
                partition: fetched.partition,
                offset: fetched.offset,
                generation: owned.generation,
            };
            self.held.push_back(Read {
                at,
                written: fetched.written,
                incarnation: fetched.incarnation,
            });
        }
        let mut handed_on = Vec::new();
        while let Some(mut read) = self.held.pop_front() {
            if !self.place(&mut read, now_ms)? {
                continue;
            }
            if self.records.len() >= RECORDS_MAX {
                self.held.push_front(read);
                self.pausing.pressed_since_ms.get_or_insert(now_ms);
                return Ok(handed_on);
            }
            if let Some(owned) = self.owned.get_mut(&read.at.partition) {
                owned.reading.next_offset = Some(read.at.offset + 1);
                owned.reading.moved_ms = now_ms;
                owned.incarnation = Some(read.incarnation);
            }
            handed_on.push(read.at.clone());
            self.records.push_back(read);
        }
        self.pausing.pressed_since_ms = None;
        Ok(handed_on)
    }

    /// Whether a record belongs to the reading of its partition. One from before where that stands begins a new one.
    fn place(&mut self, read: &mut Read, now_ms: i64) -> Result<bool, String> {
        let at = &mut read.at;
        if !self.is_ours(at) {
            return Ok(false);
        }
        let known = self.owned[&at.partition].reading.known_offset();
        if known.is_some_and(|known| known > at.offset) {
            self.check_anew(&at.partition, read.incarnation)?;
            let start = Start {
                offset: at.offset,
                time_ms: None,
            };
            self.begun_anew += 1;
            let old = at.generation;
            at.generation = self.begin_anew(at.partition.clone(), start, now_ms);
            for held in &mut self.held {
                if held.at.partition == at.partition && held.at.generation == old {
                    held.at.generation = at.generation;
                }
            }
        }
        Ok(true)
    }

    /// Whether it has read more of a log, or is about to, than the log holds.
    pub fn is_beyond(&self, partition: &TopicPartition, end: i64) -> bool {
        let owned = self.owned.get(partition);
        owned.is_some_and(|owned| owned.reading.known_offset() > Some(end))
            || self.fetcher.is_beyond(partition, end)
            || self.is_sent_beyond(partition, end)
            || self
                .wanted
                .get(partition)
                .is_some_and(|wanted| wanted.0 > end)
    }

    fn is_sent_beyond(&self, partition: &TopicPartition, end: i64) -> bool {
        let is_it = |order: &Order| matches!(order, Order::Seek(sought, to) if sought == partition && to.offset > end);
        self.orders.iter().any(is_it)
    }

    /// When there may be something to do, if not now.
    pub fn timers(&self) -> [i64; 5] {
        let until_ms = self.waiting.as_ref().map_or(0, |waiting| waiting.until_ms);
        let [fetch_ms, statistics_ms] = self.fetcher.timers();
        [
            fetch_ms,
            statistics_ms,
            self.next_heartbeat_ms,
            until_ms,
            self.pausing.pauses_ms(),
        ]
    }
}
