//! Between what the books know and what the store's record holds.

use super::offsets::Progress;
use super::points::{self, Points};
use crate::source::{Commitment, Start, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Found, PartitionProgress, Point, Saved};

/// What was saved may be committed, but for what others own; when the epoch is over, nothing was.
pub(super) fn commitments(progress: &[Progress], saved: &Saved) -> Vec<Commitment> {
    if *saved == Saved::EpochOver {
        return Vec::new();
    }
    let is_ours = |progress: &&Progress| !is_others(saved, &progress.next.partition);
    let ours = progress.iter().filter(is_ours);
    ours.map(Progress::commitment).collect()
}

/// Whether the store refused to save this partition because another has claimed it.
pub(super) fn is_others(saved: &Saved, partition: &TopicPartition) -> bool {
    match saved {
        Saved::NotOwner(others) => others
            .iter()
            .any(|(topic, number)| names(topic, *number, partition)),
        Saved::Yes | Saved::EpochOver => false,
    }
}

fn names(topic: &str, number: i32, partition: &TopicPartition) -> bool {
    number == partition.partition && *topic == *partition.topic
}

pub(super) fn point(progress: &Progress, now_ms: i64) -> Point {
    Point {
        at_ms: now_ms,
        next_offset: progress.next.offset,
        time_ms: progress.time_ms,
    }
}

pub(super) fn record(progress: &Progress, points: &Points) -> PartitionProgress {
    PartitionProgress {
        topic: progress.next.partition.topic.to_string(),
        partition: progress.next.partition.partition,
        points: points.to_vec(),
        watermark_ms: progress.done_watermark_ms,
    }
}

pub(super) fn cut(partition: &PartitionProgress) -> PartitionProgress {
    let points = points::cut(&partition.points);
    PartitionProgress {
        // What is read again may be as old as what came last before it.
        watermark_ms: points.first().and_then(|point| point.time_ms),
        points,
        ..partition.clone()
    }
}

pub(super) fn of<'a>(
    found: &'a Found,
    partition: &TopicPartition,
) -> Option<&'a PartitionProgress> {
    found
        .partitions
        .iter()
        .find(|known| names(&known.topic, known.partition, partition))
}

/// From where the store has to be filled again: the beginning, where it knows nothing.
pub(super) fn standing(found: &Found, partition: &TopicPartition) -> Start {
    let newest = of(found, partition).and_then(|recorded| recorded.points.first());
    newest.map_or(
        Start {
            offset: 0,
            time_ms: None,
        },
        |point| Start {
            offset: point.next_offset,
            time_ms: point.time_ms,
        },
    )
}

/// Windows may be closed up to where every partition of every topic has got, whoever reads it, as the store has it. A
/// partition that nobody has spoken for in this epoch holds time back.
pub(super) fn watermark_ms(found: &Found, topics: Option<&BTreeMap<Arc<str>, i32>>) -> Option<i64> {
    let mut watermark_ms: Option<i64> = None;
    for (topic, count) in topics? {
        for partition in 0..*count {
            let partition = TopicPartition::new(Arc::clone(topic), partition);
            let of_it = of(found, &partition)?.watermark_ms?;
            watermark_ms = Some(watermark_ms.map_or(of_it, |least| least.min(of_it)));
        }
    }
    watermark_ms
}
