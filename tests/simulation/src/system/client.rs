//! The model of a member's client of Kafka with its poll thread: what it fetched and handed on, what its statistics tell,
//! what it wants committed. It stands where `processor::source` has threads and librdkafka; ends are judged by the same
//! code.
//!
//! Like librdkafka's, its fetching takes over a new position only when it has *turned*, some time after it was assigned or
//! sought, and until then tells of the reading before.

use super::broker::Broker;
use super::{Flaw, old_rules};
use processor::books::{Event, HandoverId};
use processor::source::ends::Reading;
use processor::source::{Begun, Commitment, Position, Start, TopicPartition};
use rdkafka::Statistics;
use rdkafka::statistics;
use std::collections::{BTreeMap, VecDeque};

/// Records that the client fetches ahead.
const FETCHED_MAX: usize = 8;
/// Records that wait for the pipeline.
pub const RECORDS_MAX: usize = 3;
const STATISTICS_EVERY_MS: i64 = 1_000;
const FETCH_EVERY_MS: i64 = 400;
/// No record for so long was taken for the end, once.
const IDLE_MS: i64 = 50;

#[derive(Clone, Copy, Debug)]
pub struct Owned {
    pub generation: u64,
    pub reading: Reading,
    end_offset: Option<i64>,
}

/// What fetches a partition.
#[derive(Clone, Copy, Debug, Default)]
struct Fetching {
    position: i64,
    eof: Option<i64>,
    /// The end of the log as the last answer said.
    end: i64,
    is_assigned: bool,
    /// Where to fetch next, and until when it has turned there.
    turn: Option<(i64, i64)>,
}

/// What the poll thread is told.
#[derive(Clone, Debug)]
pub enum Order {
    Commit(Vec<Commitment>),
    Seek(TopicPartition, Start),
}

/// A revocation that waits for the offsets of what is done.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub handover: HandoverId,
    pub until_ms: i64,
    pub answer: Option<Vec<Commitment>>,
}

#[derive(Debug, Default)]
pub struct Client {
    pub owned: BTreeMap<TopicPartition, Owned>,
    generations: u64,
    handovers: u64,
    fetching: BTreeMap<TopicPartition, Fetching>,
    fetched: VecDeque<(TopicPartition, i64)>,
    heard_ms: i64,
    next_fetch_ms: i64,
    next_statistics_ms: i64,
    made: Option<Statistics>,
    delivered_ms: i64,
    held: Option<Position>,
    /// To the pipeline, which takes events first.
    pub records: VecDeque<Position>,
    pub events: VecDeque<Event>,
    pub orders: VecDeque<Order>,
    pub waiting: Option<Waiting>,
    wanted: BTreeMap<TopicPartition, (i64, Option<i64>)>,
    /// Of the group, in which it owns partitions.
    pub group_generation: u32,
    /// When it next hears from the group.
    pub next_heartbeat_ms: i64,
    told_counts: Option<BTreeMap<std::sync::Arc<str>, i32>>,
}

impl Client {
    fn begin(&mut self, partition: TopicPartition, start: Option<Start>, now_ms: i64) -> Begun {
        self.generations += 1;
        self.wanted.remove(&partition);
        let owned = Owned {
            generation: self.generations,
            reading: Reading {
                next_offset: start.map(|start| start.offset),
                begun_ms: now_ms,
                moved_ms: now_ms,
            },
            end_offset: None,
        };
        self.owned.insert(partition.clone(), owned);
        Begun {
            partition,
            generation: self.generations,
            start,
            is_from_beginning: false,
        }
    }

    /// Fetching is to go on elsewhere. What was fetched is of the reading before and is dropped.
    fn turn_to(&mut self, partition: &TopicPartition, offset: i64, by_ms: i64) {
        self.fetched.retain(|(fetched, _)| fetched != partition);
        let fetching = self.fetching.entry(partition.clone()).or_default();
        fetching.turn = Some((offset, by_ms));
        fetching.is_assigned = true;
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
            self.turn_to(partition, offset, now_ms + turn_ms);
            let start = (!is_unknown).then_some(Start { offset, time_ms });
            begun.push(Begun {
                is_from_beginning: !is_unknown && offset == 0,
                ..self.begin(partition.clone(), start, now_ms)
            });
        }
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
    pub fn lose(&mut self) {
        let partitions = self.owned.keys().cloned().collect();
        self.events.push_back(Event::Lost(partitions));
        self.forget();
    }

    pub fn forget(&mut self) {
        self.owned.clear();
        self.wanted.clear();
        self.fetched.clear();
        for fetching in self.fetching.values_mut() {
            fetching.is_assigned = false;
        }
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
            if Some(offset) > owned.reading.next_offset.max(owned.end_offset) {
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
        self.turn_to(partition, to.offset, now_ms + turn_ms);
        let begun = Begun {
            is_from_beginning: to.offset == 0,
            ..self.begin(partition.clone(), Some(to), now_ms)
        };
        self.events.push_back(Event::Assigned(vec![begun]));
        if self
            .held
            .as_ref()
            .is_some_and(|held| held.partition == *partition)
        {
            self.held = None;
        }
    }

    /// Whether some fetching has not turned yet; by `by_ms` it must have.
    pub fn turns(&self, by_ms: i64) -> bool {
        let mut turns = self.fetching.values().filter_map(|fetching| fetching.turn);
        turns.any(|(_, turn_ms)| turn_ms <= by_ms)
    }

    pub fn turn(&mut self, by_ms: i64) {
        for fetching in self.fetching.values_mut() {
            if let Some((offset, turn_ms)) = fetching.turn
                && turn_ms <= by_ms
            {
                fetching.turn = None;
                fetching.position = offset;
                fetching.eof = None;
            }
        }
    }

    pub fn fetches(&self, now_ms: i64) -> bool {
        now_ms >= self.next_fetch_ms && self.fetched.len() < FETCHED_MAX && !self.owned.is_empty()
    }

    /// Asks for all partitions at once, and takes what comes.
    pub fn fetch(&mut self, broker: &Broker, now_ms: i64) {
        self.heard_ms = now_ms;
        self.next_fetch_ms = now_ms + FETCH_EVERY_MS;
        for (partition, fetching) in &mut self.fetching {
            if !fetching.is_assigned || fetching.turn.is_some() {
                continue;
            }
            let Some(log) = broker.logs.get(partition) else {
                continue;
            };
            fetching.end = log.end;
            let mut ahead = log.records.range(fetching.position..);
            for (offset, _) in ahead.by_ref().take(FETCHED_MAX / 2) {
                self.fetched.push_back((partition.clone(), *offset));
                fetching.position = offset + 1;
            }
            if ahead.next().is_some() {
                self.next_fetch_ms = now_ms;
            } else {
                fetching.position = log.end;
                fetching.eof = Some(log.end);
            }
        }
    }

    pub fn makes_statistics(&self, now_ms: i64) -> bool {
        now_ms >= self.next_statistics_ms && !self.fetching.is_empty()
    }

    pub fn make_statistics(&mut self, now_ms: i64) {
        self.next_statistics_ms = now_ms + STATISTICS_EVERY_MS;
        let broker = statistics::Broker {
            nodeid: 1,
            state: "UP".to_owned(),
            rxidle: (now_ms - self.heard_ms) * 1_000,
            ..Default::default()
        };
        let mut made = Statistics {
            time: now_ms / 1_000,
            ..Statistics::default()
        };
        made.brokers.insert("b:9092/1".to_owned(), broker);
        for (partition, fetching) in &self.fetching {
            let measured = statistics::Partition {
                broker: 1,
                fetch_state: "active".to_owned(),
                committed_offset: -1_001,
                hi_offset: fetching.end,
                ls_offset: fetching.end,
                eof_offset: fetching.eof.unwrap_or(-1_001),
                next_offset: fetching.position,
                fetchq_cnt: self.fetched.len() as i64,
                consumer_lag: -1,
                ..Default::default()
            };
            let topic = made.topics.entry(partition.topic.to_string()).or_default();
            topic.partitions.insert(partition.partition, measured);
        }
        self.made = Some(made);
    }

    pub fn tells_statistics(&self) -> bool {
        self.made.is_some() && self.waiting.is_none()
    }

    /// Looks at the statistics that were made last, by the rule of now or by an old one.
    pub fn tell_statistics(
        &mut self,
        counts: BTreeMap<std::sync::Arc<str>, i32>,
        now_ms: i64,
        flaw: Flaw,
    ) {
        if self.told_counts.as_ref() != Some(&counts) {
            self.told_counts = Some(counts.clone());
            self.events.push_back(Event::Topics(counts));
        }
        let Some(made) = self.made.take() else { return };
        if self.held.is_some() {
            return;
        }
        let is_idle = now_ms - self.delivered_ms >= IDLE_MS;
        let readings = self.owned.iter();
        let readings = readings.map(|(partition, owned)| (partition.clone(), owned.reading));
        let ends = old_rules::ends(&made, readings.collect(), is_idle, flaw);
        for (partition, end) in ends {
            let Some(owned) = self.owned.get_mut(&partition) else {
                continue;
            };
            owned.end_offset = owned.end_offset.max(Some(end.offset));
            self.events.push_back(Event::End {
                generation: owned.generation,
                handed_on: owned.reading.next_offset,
                end_offset: end.offset,
                seen_ms: end.seen_ms,
                partition,
            });
        }
    }

    pub fn delivers(&self) -> bool {
        let has_some = self.held.is_some() || !self.fetched.is_empty();
        self.waiting.is_none() && has_some && self.records.len() < RECORDS_MAX
    }

    /// Takes one record from the client, and hands on what is held as far as there is room.
    pub fn deliver(&mut self, now_ms: i64) -> Option<Position> {
        self.delivered_ms = now_ms;
        if self.held.is_none() {
            let (partition, offset) = self.fetched.pop_front()?;
            let generation = self.owned.get(&partition)?.generation;
            self.held = Some(Position {
                partition,
                offset,
                generation,
            });
            // Now and then it lies there for a while.
            if self.records.len() + 1 >= RECORDS_MAX {
                return None;
            }
        }
        let held = self.held.take()?;
        let owned = self.owned.get_mut(&held.partition)?;
        if owned.generation != held.generation {
            return None;
        }
        owned.reading.next_offset = Some(held.offset + 1);
        self.records.push_back(held.clone());
        Some(held)
    }

    /// When there may be something to do, if not now.
    pub fn timers(&self) -> [i64; 4] {
        let until_ms = self.waiting.as_ref().map_or(0, |waiting| waiting.until_ms);
        [
            self.next_fetch_ms,
            self.next_statistics_ms,
            self.next_heartbeat_ms,
            until_ms,
        ]
    }
}
