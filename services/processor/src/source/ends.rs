//! What the client's statistics tell of partitions: how far behind we are, and which have nothing more to read.
//!
//! The client also announces the end of a partition, but rust-rdkafka leaves the topic out of that announcement, and it
//! comes once only. Statistics name the topic, and are repeated only while the broker answers: so an end that is no
//! longer confirmed ages, and nobody takes an unreachable broker for silence.

use super::TopicPartition;
use rdkafka::Statistics;
use rdkafka::statistics::Partition;
use std::collections::HashMap;

/// What our side knows of a partition it owns.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// After the last record that was handed on; `None` before the first.
    pub(super) next_offset: Option<i64>,
    /// Whether the client had nothing more to hand out after these statistics were taken.
    pub(super) is_idle: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartitionStatus {
    pub(super) partition: TopicPartition,
    /// Records at the broker that were not committed; `None` before that is known.
    pub(super) lag: Option<i64>,
    /// What the group has committed, as far as this client knows.
    pub(super) committed_offset: Option<i64>,
    /// The offset that the next record will have, if there is none at the moment.
    pub(super) end_offset: Option<i64>,
}

/// The status of each partition that is being read.
pub(super) fn of(
    statistics: &Statistics,
    owned: &HashMap<TopicPartition, Reading>,
) -> Vec<PartitionStatus> {
    let reachable = |broker: i32| {
        statistics
            .brokers
            .values()
            .any(|known| known.nodeid == broker && known.state == "UP")
    };
    let status = |(partition, reading): (&TopicPartition, &Reading)| {
        let topic = statistics.topics.get(&*partition.topic)?;
        let measured = topic.partitions.get(&partition.partition)?;
        let end_offset = end_offset(measured, *reading).filter(|_| reachable(measured.broker));
        Some(PartitionStatus {
            partition: partition.clone(),
            lag: (measured.consumer_lag >= 0).then_some(measured.consumer_lag),
            committed_offset: (measured.committed_offset >= 0).then_some(measured.committed_offset),
            end_offset,
        })
    };
    owned.iter().filter_map(status).collect()
}

fn end_offset(measured: &Partition, reading: Reading) -> Option<i64> {
    let end = measured.eof_offset;
    let broker_end = if measured.ls_offset >= 0 {
        measured.ls_offset
    } else {
        measured.hi_offset
    };
    if measured.fetch_state != "active" || end < 0 || end != broker_end {
        return None;
    }
    match reading.next_offset {
        Some(next) if next == end => Some(next),
        // Transactions leave marks that are no records. That the queue ran dry says that nothing else is missing.
        Some(next) if next < end && reading.is_idle => Some(next),
        Some(_) => None,
        // Nothing was read: either there was nothing from the start, or it is still on its way to us.
        None => {
            let start = measured.committed_offset.max(measured.lo_offset);
            (start == end || reading.is_idle).then_some(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One owned partition of `otlp_spans` at broker 1, with these measurements.
    fn end(broker_state: &str, measured: [i64; 4], reading: Reading) -> Option<i64> {
        let [committed, low, high, end] = measured;
        let mut statistics = Statistics::default();
        let broker = rdkafka::statistics::Broker {
            nodeid: 1,
            state: broker_state.to_owned(),
            ..Default::default()
        };
        statistics.brokers.insert("b:9092/1".to_owned(), broker);
        let partition = Partition {
            broker: 1,
            fetch_state: "active".to_owned(),
            committed_offset: committed,
            lo_offset: low,
            hi_offset: high,
            ls_offset: -1001,
            eof_offset: end,
            consumer_lag: high - committed,
            ..Default::default()
        };
        let mut topic = rdkafka::statistics::Topic::default();
        topic.partitions.insert(0, partition);
        statistics.topics.insert("otlp_spans".to_owned(), topic);
        let owned = HashMap::from([(TopicPartition::new("otlp_spans", 0), reading)]);
        let status = of(&statistics, &owned);
        assert_eq!(status[0].lag, Some(high - committed));
        status[0].end_offset
    }

    fn read_to(next: i64) -> Reading {
        Reading {
            next_offset: Some(next),
            is_idle: false,
        }
    }

    #[test]
    fn a_partition_is_at_its_end_when_everything_was_handed_on() {
        assert_eq!(end("UP", [5, 0, 10, 10], read_to(10)), Some(10));
        assert_eq!(
            end("UP", [5, 0, 10, 10], read_to(9)),
            None,
            "one is on its way"
        );
        assert_eq!(
            end("UP", [5, 0, 12, 10], read_to(10)),
            None,
            "more has come"
        );
        assert_eq!(
            end("UP", [5, 0, 10, -1001], read_to(10)),
            None,
            "the end was not seen"
        );
        assert_eq!(end("DOWN", [5, 0, 10, 10], read_to(10)), None, "who knows");
    }

    #[test]
    fn a_partition_with_nothing_to_read_is_at_its_end_from_the_start() {
        assert_eq!(
            end("UP", [10, 0, 10, 10], Reading::default()),
            Some(10),
            "all committed"
        );
        assert_eq!(
            end("UP", [-1001, 0, 0, 0], Reading::default()),
            Some(0),
            "empty"
        );
        assert_eq!(
            end("UP", [3, 10, 10, 10], Reading::default()),
            Some(10),
            "all expired"
        );
        assert_eq!(
            end("UP", [5, 0, 10, 10], Reading::default()),
            None,
            "a backlog"
        );
    }

    #[test]
    fn marks_of_transactions_at_the_end_are_no_records() {
        let idle = Reading {
            next_offset: Some(9),
            is_idle: true,
        };
        assert_eq!(end("UP", [5, 0, 10, 10], idle), Some(9));
    }
}
