//! The rule of ends, and as it was when it lost something.

use super::Flaw;
use processor::source::TopicPartition;
use processor::source::ends::{self, Reading};
use rdkafka::Statistics;
use std::collections::{BTreeMap, HashMap};

/// The partitions that hold nothing more than what was read.
pub fn ends(
    made: &Statistics,
    mut readings: HashMap<TopicPartition, Reading>,
    is_idle: bool,
    flaw: Flaw,
) -> BTreeMap<TopicPartition, ends::End> {
    match flaw {
        Flaw::BelievedEnds => return believed(made, &readings, is_idle),
        Flaw::StaleStatistics => {
            readings
                .values_mut()
                .for_each(|reading| reading.begun_ms = 0);
        }
        _ => {}
    }
    let status = ends::of(made, &readings).into_iter();
    status
        .filter_map(|status| Some((status.partition, status.end?)))
        .collect()
}

/// The old rule of ends, as it was when it lost records.
fn believed(
    made: &Statistics,
    readings: &HashMap<TopicPartition, Reading>,
    is_idle: bool,
) -> BTreeMap<TopicPartition, ends::End> {
    let mut ends = BTreeMap::new();
    for (partition, reading) in readings {
        let topic = made.topics.get(&*partition.topic);
        let Some(measured) = topic.and_then(|topic| topic.partitions.get(&partition.partition))
        else {
            continue;
        };
        let offset = measured.eof_offset;
        if offset == measured.hi_offset && (reading.next_offset == Some(offset) || is_idle) {
            let seen_ms = made.time * 1_000;
            ends.insert(partition.clone(), ends::End { offset, seen_ms });
        }
    }
    ends
}
