//! The model of librdkafka: what it fetches ahead, where it stands, and what its statistics tell of that.
//!
//! Its threads take over a new position only when they have *turned*, some time after an assignment, a seek, a pause or a
//! resumption, and until then statistics tell of the position before. A pause throws away what was fetched and goes back
//! to the position of the application. It holds until it is resumed, whatever is assigned in between.

use super::broker::{Broker, Written};
use processor::source::TopicPartition;
use rdkafka::Statistics;
use rdkafka::statistics;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Records that are fetched ahead.
const FETCHED_MAX: usize = 8;
const STATISTICS_EVERY_MS: i64 = 1_000;
const FETCH_EVERY_MS: i64 = 400;
/// Where a log begins is asked before it is read from there.
const RESET_WITHIN_MS: i64 = 500;

/// What fetches a partition.
#[derive(Clone, Copy, Debug, Default)]
struct Fetching {
    position: i64,
    eof: Option<i64>,
    /// The end of the log as the last answer said.
    end: i64,
    is_assigned: bool,
    is_paused: bool,
    /// After what the application took last.
    application: i64,
    /// Where to fetch next, and until when it has turned there.
    turn: Option<(i64, i64)>,
}

/// A record on its way.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub partition: TopicPartition,
    pub offset: i64,
    pub written: Arc<Written>,
    /// Of the log when it was fetched.
    pub incarnation: u64,
}

#[derive(Debug, Default)]
pub struct Fetcher {
    partitions: BTreeMap<TopicPartition, Fetching>,
    fetched: VecDeque<Fetched>,
    heard_ms: i64,
    next_fetch_ms: i64,
    next_statistics_ms: i64,
    made: Option<Statistics>,
}

impl Fetcher {
    /// A partition is assigned or sought. What was fetched is of the reading before and is dropped.
    pub fn read_from(&mut self, partition: &TopicPartition, offset: i64, by_ms: i64) {
        self.fetched
            .retain(|fetched| fetched.partition != *partition);
        let fetching = self.partitions.entry(partition.clone()).or_default();
        fetching.turn = Some((offset, by_ms));
        fetching.application = offset;
        fetching.is_assigned = true;
    }

    pub fn unassign(&mut self) {
        self.fetched.clear();
        for fetching in self.partitions.values_mut() {
            fetching.is_assigned = false;
        }
    }

    /// Pauses or resumes what is assigned.
    pub fn set_paused(&mut self, wanted: impl Fn(&TopicPartition) -> bool, by_ms: i64) {
        for (partition, fetching) in &mut self.partitions {
            let is_paused = wanted(partition);
            if fetching.is_assigned && fetching.is_paused != is_paused {
                fetching.is_paused = is_paused;
                fetching.turn = Some((fetching.application, by_ms));
                self.fetched
                    .retain(|fetched| fetched.partition != *partition);
            }
        }
    }

    pub fn has_fetched(&self) -> bool {
        !self.fetched.is_empty()
    }

    /// The application takes a record.
    pub fn take(&mut self) -> Option<Fetched> {
        let taken = self.fetched.pop_front()?;
        if let Some(fetching) = self.partitions.get_mut(&taken.partition) {
            fetching.application = taken.offset + 1;
        }
        Some(taken)
    }

    /// Whether some fetching has not turned yet; by `by_ms` it must have.
    pub fn turns(&self, by_ms: i64) -> bool {
        let mut turns = self
            .partitions
            .values()
            .filter_map(|fetching| fetching.turn);
        turns.any(|(_, turn_ms)| turn_ms <= by_ms)
    }

    pub fn turn(&mut self, by_ms: i64) {
        for fetching in self.partitions.values_mut() {
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
        let is_assigned = self
            .partitions
            .values()
            .any(|fetching| fetching.is_assigned);
        now_ms >= self.next_fetch_ms && self.fetched.len() < FETCHED_MAX && is_assigned
    }

    /// Asks for all partitions at once, and takes what comes.
    pub fn fetch(&mut self, broker: &Broker, now_ms: i64) {
        self.heard_ms = now_ms;
        self.next_fetch_ms = now_ms + FETCH_EVERY_MS;
        for (partition, fetching) in &mut self.partitions {
            if !fetching.is_assigned || fetching.is_paused || fetching.turn.is_some() {
                continue;
            }
            let Some(log) = broker.logs.get(partition) else {
                continue;
            };
            if fetching.position > log.end {
                // There is no such offset: it begins at the beginning by itself.
                fetching.turn = Some((0, now_ms + RESET_WITHIN_MS));
                continue;
            }
            fetching.end = log.end;
            let mut ahead = log.records.range(fetching.position..);
            for (offset, written) in ahead.by_ref().take(FETCHED_MAX / 2) {
                self.fetched.push_back(Fetched {
                    partition: partition.clone(),
                    offset: *offset,
                    written: Arc::clone(written),
                    incarnation: log.incarnation,
                });
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

    /// Whether fetching stands beyond the end of the log: it does not know yet that the log has lost its end.
    pub fn is_beyond(&self, partition: &TopicPartition, end: i64) -> bool {
        self.partitions.get(partition).is_some_and(|fetching| {
            let turns_beyond = fetching.turn.is_some_and(|(offset, _)| offset > end);
            let stands_beyond = fetching.position > end || fetching.application > end;
            fetching.is_assigned && (stands_beyond || turns_beyond)
        })
    }

    pub fn makes_statistics(&self, now_ms: i64) -> bool {
        now_ms >= self.next_statistics_ms && !self.partitions.is_empty()
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
        for (partition, fetching) in &self.partitions {
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

    pub fn has_statistics(&self) -> bool {
        self.made.is_some()
    }

    pub fn take_statistics(&mut self) -> Option<Statistics> {
        self.made.take()
    }

    /// When there may be something to do, if not now.
    pub fn timers(&self) -> [i64; 2] {
        [self.next_fetch_ms, self.next_statistics_ms]
    }
}
