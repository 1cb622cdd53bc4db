//! What the client's statistics tell of partitions: how far behind we are, which have nothing more to read, and whether
//! Kafka answers at all.
//!
//! The client also announces the end of a partition, but rust-rdkafka leaves the topic out of that announcement, and it
//! comes once only. Statistics name the topic, and are repeated only while the broker answers: so an end that is no
//! longer confirmed ages, and nobody takes an unreachable broker for silence.
//!
//! Statistics may be older than the reading: made before a rebalance and told after it, they speak of the reading before.
//! An end therefore counts only where *this* reading began there or came there, in statistics that are surely younger than
//! the reading. Example: reading begins at 60 because 60 was committed, and statistics say that 100 is the end, which the
//! reading before had seen. Nothing between 60 and 100 was read, so that is no end. When it begins at 100, records may have
//! come since. Only younger statistics can tell that there are none, or that the offsets from 60 to 100 hold none
//! ([`Measured::skipped_to_end`]).

use super::TopicPartition;
use rdkafka::Statistics;
use rdkafka::statistics::Partition;
use std::collections::HashMap;

/// Statistics made so long after a reading began speak of it: the client takes over a new position within a turn of its
/// threads, of which there is one a second at least.
const FRESH_MS: i64 = 3_000;
/// A broker from which we fetch answers within the half second for which a fetch may wait.
const SILENT_MS: i64 = 10_000;

/// What our side knows of the reading of a partition it owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// After the last record that was handed on, or where reading began; `None` when neither is known.
    pub next_offset: Option<i64>,
    /// Up to where it is certain that nothing more is to be read, as was told last; `None` when nothing was.
    pub end_offset: Option<i64>,
    /// When it began, or went on after a pause, which throws away what the client has fetched. Unix milliseconds.
    pub begun_ms: i64,
    /// When the last record was handed on, or when it began.
    pub moved_ms: i64,
}

impl Reading {
    /// Up to where the partition is known: no commit of this reading may pass it, and a log that ends before it, or a record
    /// that comes from before it, is of another history.
    pub fn known_offset(&self) -> Option<i64> {
        self.next_offset.max(self.end_offset)
    }
}

/// A partition that holds nothing more than what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The offset that the next record will have.
    pub offset: i64,
    /// When the broker said so, Unix milliseconds, rather too early than too late.
    pub seen_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStatus {
    pub partition: TopicPartition,
    /// Records at the broker that were not committed; `None` before that is known.
    pub lag: Option<i64>,
    /// What the group has committed, as far as this client knows.
    pub committed_offset: Option<i64>,
    pub end: Option<End>,
    /// The topic ends before what was read of it: it was made anew, or its end was lost. Reading goes on from here.
    pub shrunk_to: Option<i64>,
}

/// The status of each partition that is being read.
pub fn of(
    statistics: &Statistics,
    owned: &HashMap<TopicPartition, Reading>,
) -> Vec<PartitionStatus> {
    let status = |(partition, reading): (&TopicPartition, &Reading)| {
        let topic = statistics.topics.get(&*partition.topic)?;
        let partition_statistics = topic.partitions.get(&partition.partition)?;
        let measured = Measured::of(statistics, partition_statistics);
        let end = measured.and_then(|measured| measured.end(*reading));
        Some(PartitionStatus {
            partition: partition.clone(),
            lag: Some(partition_statistics.consumer_lag).filter(|lag| *lag >= 0),
            committed_offset: Some(partition_statistics.committed_offset)
                .filter(|offset| *offset >= 0),
            end,
            shrunk_to: measured.and_then(|measured| measured.shrunk_to(*reading)),
        })
    };
    owned.iter().filter_map(status).collect()
}

/// A partition whose client has come to the end of what the broker holds, as of one moment.
#[derive(Clone, Copy, Debug)]
struct Measured {
    end_offset: i64,
    /// Whether all that the client fetched, of all partitions, was handed to us.
    is_drained: bool,
    made_ms: i64,
    seen_ms: i64,
}

impl Measured {
    /// `None` unless the client is at the end and its broker answers.
    fn of(statistics: &Statistics, partition: &Partition) -> Option<Self> {
        let mut brokers = statistics.brokers.values();
        let broker = brokers.find(|broker| broker.nodeid == partition.broker)?;
        let end_offset = if partition.ls_offset >= 0 {
            partition.ls_offset
        } else {
            partition.hi_offset
        };
        let is_at_end = partition.fetch_state == "active"
            && broker.state == "UP"
            && end_offset >= 0
            // An open transaction holds records that nobody may read yet, and that are older than now.
            && partition.hi_offset <= end_offset
            && partition.eof_offset == end_offset
            && partition.next_offset == end_offset;
        let made_ms = statistics.time * 1_000;
        is_at_end.then_some(Self {
            end_offset,
            is_drained: partition.fetchq_cnt == 0,
            made_ms,
            seen_ms: made_ms - broker.rxidle.max(0) / 1_000,
        })
    }

    /// Older statistics may have the right offset and the wrong time: until the client has taken over the new position
    /// they tell of the end as the reading before saw it, however long ago, while the broker's last word is of now.
    fn end(&self, reading: Reading) -> Option<End> {
        let is_end = match reading.next_offset {
            Some(next) => next == self.end_offset || self.skipped_to_end(reading),
            None => self.is_drained,
        };
        (is_end && self.is_fresh(reading)).then_some(End {
            offset: self.end_offset,
            seen_ms: self.seen_ms,
        })
    }

    /// What lies between what was handed on and the end are marks of transactions, or holes that compaction left: the
    /// client of this reading is past it, and has nothing left to hand to us.
    fn skipped_to_end(&self, reading: Reading) -> bool {
        let is_before = reading
            .next_offset
            .is_some_and(|next| next < self.end_offset);
        is_before && self.is_drained
    }

    /// Statistics that are older than the last record know nothing of it.
    fn shrunk_to(&self, reading: Reading) -> Option<i64> {
        let is_beyond = reading.known_offset() > Some(self.end_offset);
        let is_younger = self.made_ms - reading.moved_ms >= FRESH_MS;
        (is_beyond && is_younger && self.is_drained).then_some(self.end_offset)
    }

    fn is_fresh(&self, reading: Reading) -> bool {
        self.made_ms - reading.begun_ms >= FRESH_MS
    }
}

/// Why Kafka cannot be read at the moment; `None` when it can.
pub fn unreachable(
    statistics: &Statistics,
    owned: &HashMap<TopicPartition, Reading>,
    is_paused: bool,
) -> Option<String> {
    let is_up = |state: &str| state == "UP";
    let known = || {
        statistics
            .brokers
            .values()
            .filter(|broker| broker.nodeid >= 0)
    };
    if !known().any(|broker| is_up(&broker.state)) {
        return Some("no broker can be reached".to_owned());
    }
    if let Some(group) = &statistics.cgrp
        && group.state != "up"
    {
        return Some(format!("the group's coordinator is away: {}", group.state));
    }
    for partition in owned.keys() {
        let topic = statistics.topics.get(&*partition.topic);
        let measured = topic.and_then(|topic| topic.partitions.get(&partition.partition));
        let leader = measured.map_or(-1, |measured| measured.broker);
        match known().find(|broker| broker.nodeid == leader) {
            None => return Some(format!("{partition} has no leader")),
            Some(broker) if !is_up(&broker.state) => {
                return Some(format!(
                    "{}, which leads {partition}, cannot be reached",
                    broker.name
                ));
            }
            // While everything is paused, nothing is fetched.
            Some(broker) if !is_paused && broker.rxidle / 1_000 > SILENT_MS => {
                let silent_s = broker.rxidle / 1_000_000;
                return Some(format!("{} has not answered for {silent_s} s", broker.name));
            }
            Some(_) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
