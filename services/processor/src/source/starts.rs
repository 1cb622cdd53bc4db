//! Where the reading of newly assigned partitions begins: where the group committed, or at the beginning. Looked up
//! before the client reads, so that the books know of every reading where it began.

use super::context::Context;
use super::{Start, TopicPartition};
use crate::metrics as names;
use metrics::counter;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tracing::{debug, warn};

/// All questions of one assignment together. Heartbeats go on meanwhile; what is not answered by then is begun as the
/// client sees fit, and read again from where the store stands.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(10);

/// Where to begin, and whether there is nothing before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: Start,
    pub(super) is_from_beginning: bool,
}

/// Looks up where each partition of the list begins, and writes that into the list.
pub(super) fn look_up(
    consumer: &BaseConsumer<Context>,
    list: &mut TopicPartitionList,
) -> HashMap<TopicPartition, Found> {
    let mut starts = HashMap::new();
    // Asking an empty list for its elements is undefined in the client.
    if list.count() == 0 {
        return starts;
    }
    let deadline = Instant::now() + LOOK_UP_WITHIN;
    let committed = match consumer.committed_offsets(list.clone(), LOOK_UP_WITHIN) {
        Ok(committed) => committed,
        Err(cause) => {
            warn!(error = %cause, "Kafka did not say where to begin");
            return starts;
        }
    };
    for element in committed.elements() {
        let (topic, partition) = (element.topic(), element.partition());
        let committed = match element.offset() {
            Offset::Offset(offset) => Some((offset, time_of(element.metadata()))),
            _ => None,
        };
        let Some(found) = begin(consumer, topic, partition, committed, deadline) else {
            continue;
        };
        let offset = Offset::Offset(found.start.offset);
        if let Err(cause) = list.set_partition_offset(topic, partition, offset) {
            debug!(error = %cause, topic, partition, "the client begins where it sees fit");
            continue;
        }
        starts.insert(TopicPartition::new(topic, partition), found);
    }
    starts
}

fn begin(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partition: i32,
    committed: Option<(i64, Option<i64>)>,
    deadline: Instant,
) -> Option<Found> {
    let low = low_of(consumer, topic, partition, deadline);
    if let Err(cause) = &low {
        debug!(error = %cause, topic, partition, "Kafka did not say where the partition begins");
    }
    let (found, expired) = beginning(committed, low.ok())?;
    if expired > 0 {
        tell_expired(topic, partition, expired);
    }
    Some(found)
}

/// The first offset that a partition still holds.
fn low_of(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partition: i32,
    deadline: Instant,
) -> KafkaResult<i64> {
    let left = deadline.saturating_duration_since(Instant::now());
    let (low, _) = consumer.fetch_watermarks(topic, partition, left)?;
    Ok(low)
}

/// Records that nobody will ever read: retention, or somebody's deletion, was faster than we.
pub(super) fn tell_expired(topic: &str, partition: i32, records: i64) {
    counter!(names::RECORDS_EXPIRED, "topic" => topic.to_owned())
        .increment(u64::try_from(records).unwrap_or_default());
    warn!(
        topic,
        partition,
        records,
        "records were deleted from Kafka before they were read: retention has overtaken this group, and what they held is lost to it"
    );
}

/// From what was committed, with the time committed along, and the first offset that there is. `None` when that leaves
/// it open. Also how many records expired unread.
fn beginning(committed: Option<(i64, Option<i64>)>, low: Option<i64>) -> Option<(Found, i64)> {
    let found = |offset, time_ms| Found {
        start: Start { offset, time_ms },
        is_from_beginning: low.is_some_and(|low| offset <= low),
    };
    match (committed, low) {
        (None, None) => None,
        (None, Some(low)) => Some((found(low, None), 0)),
        (Some((committed, time_ms)), Some(low)) if committed < low => {
            Some((found(low, time_ms), low - committed))
        }
        (Some((committed, time_ms)), _) => Some((found(committed, time_ms), 0)),
    }
}

/// What is written beside a committed offset: see [`Start::time_ms`].
pub(super) fn metadata(time_ms: Option<i64>) -> String {
    time_ms.map_or_else(String::new, |time_ms| format!("time_ms={time_ms}"))
}

fn time_of(metadata: &str) -> Option<i64> {
    metadata.strip_prefix("time_ms=")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(offset: i64, time_ms: Option<i64>, is_from_beginning: bool) -> Found {
        Found {
            start: Start { offset, time_ms },
            is_from_beginning,
        }
    }

    #[test]
    fn reading_begins_where_the_group_committed_or_at_the_beginning() {
        let at = Some((60, Some(7)));
        assert_eq!(beginning(None, None), None);
        assert_eq!(beginning(None, Some(5)), Some((start(5, None, true), 0)));
        assert_eq!(beginning(at, Some(5)), Some((start(60, Some(7), false), 0)));
        assert_eq!(beginning(at, None), Some((start(60, Some(7), false), 0)));
        assert_eq!(
            beginning(at, Some(80)),
            Some((start(80, Some(7), true), 20)),
            "20 records expired"
        );
    }

    #[test]
    fn the_time_is_read_back_as_it_was_committed() {
        for time_ms in [None, Some(0), Some(1_767_600_000_000)] {
            assert_eq!(time_of(&metadata(time_ms)), time_ms);
        }
        assert_eq!(time_of("somebody's note"), None);
    }
}
