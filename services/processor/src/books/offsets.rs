//! Which offsets may be committed, and how far time has got.
//!
//! Records of a partition finish in any order. What may be committed is the lowest unfinished offset, or the one after
//! the highest when all are finished; a commit never passes an unfinished record, nor anything that was not read. Every
//! partition has a generation, so that a late acknowledgement, or a late word about its end, from before a rebalance or a
//! seek cannot move the new reading.
//!
//! Within a partition time never goes back: a record counts as of the highest time up to it. So what a window closes over
//! depends on the topic alone and not on who reads it when. For example, records of the times 10, 30, 20 count as of 10,
//! 30, 30; a reading that begins at the third is told that 30 came before it ([`Start::time_ms`]).

use crate::source::{Commitment, NextOffset, Position, Start, TopicPartition};
use std::collections::BTreeMap;

/// The offsets and times of all partitions that are assigned now.
#[derive(Clone, Debug, Default)]
pub struct OffsetTracker {
    partitions: BTreeMap<TopicPartition, PartitionOffsets>,
}

/// Where one partition stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub next: NextOffset,
    pub generation: u64,
    /// Where reading began in this generation.
    pub first_offset: i64,
    /// The highest record time below the next offset; `None` when nothing is known of that.
    pub time_ms: Option<i64>,
    /// Record time up to which everything is done: as for reading ([`OffsetTracker::read_watermark_ms`]), but held back by
    /// the oldest unfinished record.
    pub done_watermark_ms: Option<i64>,
}

impl Progress {
    /// What may be committed.
    pub fn commitment(&self) -> Commitment {
        Commitment {
            next: self.next.clone(),
            generation: self.generation,
            time_ms: self.time_ms,
        }
    }
}

impl OffsetTracker {
    /// Begins a partition anew, forgetting what an earlier generation left. Without a start it is not known where reading
    /// begins: the first record tells, or the end.
    pub fn assign(&mut self, partition: TopicPartition, generation: u64, start: Option<Start>) {
        let fresh = PartitionOffsets {
            generation,
            first_offset: start.map(|start| start.offset),
            next_offset: start.map(|start| start.offset),
            time_ms: start.and_then(|start| start.time_ms),
            ..PartitionOffsets::default()
        };
        self.partitions.insert(partition, fresh);
    }

    /// Forgets a partition.
    pub fn revoke(&mut self, partition: &TopicPartition) {
        self.partitions.remove(partition);
    }

    /// What was read of the partition counts no more, and until it is assigned anew it holds time back.
    pub fn suspend(&mut self, partition: &TopicPartition) {
        if let Some(offsets) = self.partitions.get_mut(partition) {
            *offsets = PartitionOffsets {
                generation: offsets.generation,
                is_suspended: true,
                ..PartitionOffsets::default()
            };
        }
    }

    /// Takes note of a record that was read, and returns the time as of which it counts. `None` when it is of an earlier
    /// generation or a partition that is gone: such a record need not be worked on.
    pub fn track(&mut self, at: &Position, record_ms: i64) -> Option<i64> {
        Some(self.of(at)?.track(at.offset, record_ms))
    }

    /// Takes note that a record is done. False when nobody waits for that any more.
    pub fn acknowledge(&mut self, at: &Position) -> bool {
        self.of(at)
            .is_some_and(|partition| partition.pending.remove(&at.offset).is_some())
    }

    /// Takes note that the partition had no record from `handed_on` up to `end_offset`, and none after it, at the time
    /// `seen_ms`. `handed_on` is the offset after the last record that was sent here in this generation; while some of
    /// these have not arrived, the end means nothing yet.
    pub fn reach_end(
        &mut self,
        partition: &TopicPartition,
        generation: u64,
        handed_on: Option<i64>,
        end_offset: i64,
        seen_ms: i64,
    ) {
        if let Some(offsets) = self.partitions.get_mut(partition)
            && offsets.generation == generation
            && !offsets.is_suspended
            && (offsets.next_offset == handed_on || offsets.next_offset == Some(end_offset))
            && handed_on.is_none_or(|handed_on| handed_on <= end_offset)
        {
            offsets.end_seen_ms = offsets.end_seen_ms.max(Some(seen_ms));
            offsets.first_offset.get_or_insert(end_offset);
            offsets.next_offset = Some(end_offset);
        }
    }

    /// Nothing is read of the partition at the moment, on purpose, and time does not wait for it: it goes on to `until_ms`
    /// whatever is unfinished there. That ends when the partition is assigned anew.
    pub fn pass_by(&mut self, partition: &TopicPartition, until_ms: i64) {
        if let Some(offsets) = self.partitions.get_mut(partition)
            && !offsets.is_suspended
        {
            offsets.passed_ms = offsets.passed_ms.max(Some(until_ms));
        }
    }

    /// Every partition of which it is known where it stands.
    pub fn progress(&self) -> Vec<Progress> {
        self.partitions
            .iter()
            .filter_map(|(partition, offsets)| offsets.progress(partition))
            .collect()
    }

    /// The same of one partition.
    pub fn progress_of(&self, partition: &TopicPartition) -> Option<Progress> {
        self.partitions.get(partition)?.progress(partition)
    }

    /// Record time up to which everything was *read*: the minimum over the partitions of the highest record time, or of
    /// the time at which a partition was last seen to have nothing more. `None` while a partition has said nothing yet,
    /// and without partitions.
    pub fn read_watermark_ms(&self) -> Option<i64> {
        let times = self.partitions.values();
        // One that has said nothing is less than any time.
        times.map(PartitionOffsets::read_watermark_ms).min()?
    }

    /// The partitions assigned now.
    pub fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.keys()
    }

    fn of(&mut self, at: &Position) -> Option<&mut PartitionOffsets> {
        let offsets = self.partitions.get_mut(&at.partition)?;
        (offsets.generation == at.generation && !offsets.is_suspended).then_some(offsets)
    }
}

#[derive(Clone, Debug, Default)]
struct PartitionOffsets {
    generation: u64,
    is_suspended: bool,
    /// The time of each unfinished record by its offset; times grow with offsets. Bounded by the records in flight.
    pending: BTreeMap<i64, i64>,
    first_offset: Option<i64>,
    /// After the highest offset read.
    next_offset: Option<i64>,
    /// The highest record time up to here, what came before this reading included.
    time_ms: Option<i64>,
    /// When the partition was last seen to hold nothing more than what was read.
    end_seen_ms: Option<i64>,
    /// Up to when time has passed it by.
    passed_ms: Option<i64>,
}

impl PartitionOffsets {
    fn track(&mut self, offset: i64, record_ms: i64) -> i64 {
        let at_ms = self
            .time_ms
            .map_or(record_ms, |time_ms| time_ms.max(record_ms));
        self.time_ms = Some(at_ms);
        self.end_seen_ms = None;
        self.first_offset.get_or_insert(offset);
        self.next_offset = self.next_offset.max(Some(offset + 1));
        self.pending.entry(offset).or_insert(at_ms);
        at_ms
    }

    fn progress(&self, partition: &TopicPartition) -> Option<Progress> {
        let oldest = self.pending.first_key_value();
        let offset = oldest.map(|(offset, _)| *offset).or(self.next_offset)?;
        Some(Progress {
            next: NextOffset {
                partition: partition.clone(),
                offset,
            },
            generation: self.generation,
            first_offset: self.first_offset.unwrap_or(offset),
            // As of which the oldest unfinished record counts: reading it again gives it the same.
            time_ms: oldest.map(|(_, at_ms)| *at_ms).or(self.time_ms),
            done_watermark_ms: self.done_watermark_ms(),
        })
    }

    fn read_watermark_ms(&self) -> Option<i64> {
        self.time_ms.max(self.end_seen_ms)
    }

    fn done_watermark_ms(&self) -> Option<i64> {
        let oldest = self.pending.first_key_value().map(|(_, at_ms)| *at_ms);
        oldest.or(self.read_watermark_ms()).max(self.passed_ms)
    }
}

#[cfg(test)]
mod tests;
