//! What is told of partitions, and as it was when that lost something.

use super::Flaw;
use processor::source::TopicPartition;
use processor::source::ends::{self, PartitionStatus, Reading};
use rdkafka::Statistics;
use std::collections::HashMap;

/// The status of each partition that is read, in their order.
pub fn statuses(
    made: &Statistics,
    mut readings: HashMap<TopicPartition, Reading>,
    is_idle: bool,
    flaw: Flaw,
) -> Vec<PartitionStatus> {
    for reading in readings.values_mut() {
        match flaw {
            Flaw::StaleStatistics => reading.begun_ms = 0,
            Flaw::ShrunkByBeginning => reading.moved_ms = reading.begun_ms,
            _ => {}
        }
    }
    let mut statuses = if flaw == Flaw::BelievedEnds {
        believed(made, &readings, is_idle)
    } else {
        ends::of(made, &readings)
    };
    statuses.sort_by(|one, other| one.partition.cmp(&other.partition));
    statuses
}

/// The old rule of ends, as it was when it lost records.
fn believed(
    made: &Statistics,
    readings: &HashMap<TopicPartition, Reading>,
    is_idle: bool,
) -> Vec<PartitionStatus> {
    let mut statuses = Vec::new();
    for (partition, reading) in readings {
        let topic = made.topics.get(&*partition.topic);
        let Some(measured) = topic.and_then(|topic| topic.partitions.get(&partition.partition))
        else {
            continue;
        };
        let offset = measured.eof_offset;
        if offset == measured.hi_offset && (reading.next_offset == Some(offset) || is_idle) {
            let seen_ms = made.time * 1_000;
            statuses.push(PartitionStatus {
                partition: partition.clone(),
                lag: None,
                committed_offset: None,
                end: Some(ends::End { offset, seen_ms }),
                shrunk_to: None,
            });
        }
    }
    statuses
}
