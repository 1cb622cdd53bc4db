//! Offsets that are passed over while reading: holes that compaction and transactions leave, or records that were deleted
//! before they were read.

use super::TopicPartition;
use super::asking::PassedOver;
use super::starts::tell_expired;
use crate::metrics as names;
use metrics::counter;
use rdkafka::error::KafkaResult;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tracing::debug;

/// Kafka is asked this often at most where a partition begins: transactions leave a hole each.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Offsets that were passed over and not accounted for yet, at most one run a partition.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    open: BTreeMap<TopicPartition, Gap>,
    asked: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    /// Where reading stood.
    from_offset: i64,
    /// Where it went on.
    to_offset: i64,
    /// Offsets without a record in between.
    offsets: i64,
}

impl Gap {
    /// How many of them were deleted, when the partition begins at `low_offset` now; the others are holes.
    fn expired(self, low_offset: i64) -> i64 {
        (low_offset.min(self.to_offset) - self.from_offset).clamp(0, self.offsets)
    }
}

impl Gaps {
    pub(super) fn note(&mut self, passed_over: &PassedOver) {
        let PassedOver {
            partition,
            from_offset,
            to_offset,
        } = passed_over;
        let (from_offset, to_offset) = (*from_offset, *to_offset);
        let gap = self.open.entry(partition.clone()).or_insert(Gap {
            from_offset,
            to_offset,
            offsets: 0,
        });
        gap.to_offset = to_offset;
        gap.offsets += to_offset - from_offset;
    }

    /// Accounts for what was noted, asking where partitions begin.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        low_offset: impl Fn(&TopicPartition, Instant) -> KafkaResult<i64>,
    ) {
        let is_early = |asked: Instant| now.duration_since(asked) < ASK_EVERY;
        if self.open.is_empty() || self.asked.is_some_and(is_early) {
            return;
        }
        self.asked = Some(now);
        self.open.retain(|partition, gap| {
            let low_offset = match low_offset(partition, now + ASK_EVERY) {
                Ok(low_offset) => low_offset,
                Err(cause) => {
                    debug!(partition = %partition, error = %cause, "Kafka did not say where the partition begins");
                    return true;
                }
            };
            let expired = gap.expired(low_offset);
            if expired > 0 {
                tell_expired(&partition.topic, partition.partition, expired);
            }
            let holes = gap.offsets - expired;
            counter!(names::OFFSETS_SKIPPED, "topic" => partition.topic.to_string())
                .increment(u64::try_from(holes).unwrap_or_default());
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_before_the_beginning_has_expired_and_the_rest_are_holes() {
        let gap = Gap {
            from_offset: 10,
            to_offset: 30,
            offsets: 20,
        };
        assert_eq!(gap.expired(5), 0, "holes of compaction");
        assert_eq!(gap.expired(30), 20);
        assert_eq!(gap.expired(25), 15, "the last five were holes already");
        assert_eq!(gap.expired(99), 20, "more has expired since");
    }

    #[test]
    fn gaps_wait_until_kafka_answers() {
        let partition = TopicPartition::new("otlp_spans", 0);
        let mut gaps = Gaps::default();
        gaps.note(&PassedOver {
            partition,
            from_offset: 10,
            to_offset: 12,
        });
        let now = Instant::now();
        gaps.settle(now, |_, _| Err(rdkafka::error::KafkaError::Canceled));
        assert_eq!(gaps.open.len(), 1);
        gaps.settle(now, |_, _| Ok(12));
        assert_eq!(gaps.open.len(), 1, "asked a moment ago");
        gaps.settle(now + ASK_EVERY, |_, _| Ok(12));
        assert!(gaps.open.is_empty());
    }
}
