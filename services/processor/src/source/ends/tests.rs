use super::*;
use proptest::prelude::*;

const BEGUN_MS: i64 = 1_000_000;

/// One owned partition of `otlp_spans` at broker 1, in statistics made so long after the reading began.
struct Told {
    after_ms: i64,
    broker_state: &'static str,
    high: i64,
    /// The last stable offset, where transactions are open.
    stable: i64,
    eof: i64,
    fetching: i64,
    queued: i64,
    rx_idle_ms: i64,
}

/// A client that is at its end, 100, and was for long.
const AT_END: Told = Told {
    after_ms: 60_000,
    broker_state: "UP",
    high: 100,
    stable: -1001,
    eof: 100,
    fetching: 100,
    queued: 0,
    rx_idle_ms: 300,
};

fn partition() -> TopicPartition {
    TopicPartition::new("otlp_spans", 0)
}

fn statistics(told: &Told) -> Statistics {
    let mut statistics = Statistics {
        time: (BEGUN_MS + told.after_ms) / 1_000,
        ..Statistics::default()
    };
    let broker = rdkafka::statistics::Broker {
        nodeid: 1,
        name: "b:9092/1".to_owned(),
        state: told.broker_state.to_owned(),
        rxidle: told.rx_idle_ms * 1_000,
        ..Default::default()
    };
    statistics.brokers.insert("b:9092/1".to_owned(), broker);
    let measured = Partition {
        broker: 1,
        fetch_state: "active".to_owned(),
        committed_offset: 60,
        hi_offset: told.high,
        ls_offset: told.stable,
        eof_offset: told.eof,
        next_offset: told.fetching,
        fetchq_cnt: told.queued,
        consumer_lag: 40,
        ..Default::default()
    };
    let mut topic = rdkafka::statistics::Topic::default();
    topic.partitions.insert(0, measured);
    statistics.topics.insert("otlp_spans".to_owned(), topic);
    statistics
}

fn status(told: &Told, next_offset: Option<i64>) -> PartitionStatus {
    let reading = Reading {
        next_offset,
        end_offset: None,
        begun_ms: BEGUN_MS,
        moved_ms: BEGUN_MS,
    };
    let owned = HashMap::from([(partition(), reading)]);
    let mut status = of(&statistics(told), &owned);
    assert_eq!(status[0].lag, Some(40));
    status.remove(0)
}

fn end(told: &Told, next_offset: Option<i64>) -> Option<i64> {
    status(told, next_offset).end.map(|end| end.offset)
}

#[test]
fn a_partition_is_at_its_end_when_everything_was_handed_on_or_reading_began_there() {
    let just_begun = Told {
        after_ms: 0,
        ..AT_END
    };
    assert_eq!(end(&just_begun, Some(100)), None, "more may have come");
    assert_eq!(end(&AT_END, Some(100)), Some(100));
    let more = Told {
        high: 120,
        ..AT_END
    };
    assert_eq!(end(&more, Some(100)), None, "more has come");
    let unseen = Told {
        eof: -1001,
        ..AT_END
    };
    assert_eq!(end(&unseen, Some(100)), None, "the end was not seen");
    let away = Told {
        broker_state: "DOWN",
        ..AT_END
    };
    assert_eq!(end(&away, Some(100)), None, "who knows");
}

#[test]
fn an_open_transaction_is_no_end() {
    let open = Told {
        high: 103,
        stable: 100,
        ..AT_END
    };
    assert_eq!(
        end(&open, Some(100)),
        None,
        "what is in it is older than now"
    );
    let over = Told {
        stable: 100,
        ..AT_END
    };
    assert_eq!(end(&over, Some(100)), Some(100));
}

#[test]
fn an_end_that_the_reading_before_has_seen_is_none() {
    for after_ms in [-5_000, 0, 1_000, 2_000] {
        let stale = Told { after_ms, ..AT_END };
        assert_eq!(
            end(&stale, Some(60)),
            None,
            "begun at 60, {after_ms} ms ago"
        );
        assert_eq!(end(&stale, None), None, "begun somewhere");
    }
}

#[test]
fn offsets_without_records_are_passed_over_when_the_client_is_surely_past_them() {
    assert_eq!(
        end(&AT_END, Some(99)),
        Some(100),
        "the mark of a transaction"
    );
    assert_eq!(end(&AT_END, None), Some(100), "nothing but marks");
    let queued = Told {
        queued: 1,
        ..AT_END
    };
    assert_eq!(end(&queued, Some(99)), None, "a record is on its way to us");
    let fetching = Told {
        fetching: 99,
        ..AT_END
    };
    assert_eq!(
        end(&fetching, Some(99)),
        None,
        "and here on its way to the client"
    );
}

#[test]
fn a_topic_that_ends_before_what_was_read_has_shrunk() {
    assert_eq!(status(&AT_END, Some(4_525)).shrunk_to, Some(100));
    assert_eq!(status(&AT_END, Some(100)).shrunk_to, None);
    let stale = Told {
        after_ms: 0,
        ..AT_END
    };
    assert_eq!(status(&stale, Some(4_525)).shrunk_to, None);
    let reading = Reading {
        next_offset: Some(101),
        end_offset: None,
        begun_ms: BEGUN_MS,
        moved_ms: BEGUN_MS + 59_000,
    };
    let owned = HashMap::from([(partition(), reading)]);
    let status = of(&statistics(&AT_END), &owned);
    assert_eq!(status[0].shrunk_to, None, "a record has come meanwhile");
}

#[test]
fn a_topic_that_ends_before_its_end_as_told_before_has_shrunk() {
    for next_offset in [None, Some(60)] {
        let reading = Reading {
            next_offset,
            end_offset: Some(101),
            begun_ms: BEGUN_MS,
            moved_ms: BEGUN_MS,
        };
        let owned = HashMap::from([(partition(), reading)]);
        let status = of(&statistics(&AT_END), &owned);
        assert_eq!(status[0].shrunk_to, Some(100), "read to {next_offset:?}");
    }
}

#[test]
fn an_end_is_as_old_as_the_last_word_of_the_broker() {
    let frozen = Told {
        rx_idle_ms: 8_000,
        ..AT_END
    };
    let end = status(&frozen, Some(100)).end.expect("an end");
    assert_eq!(end.seen_ms, BEGUN_MS + 60_000 - 8_000);
}

#[test]
fn a_broker_that_is_away_or_silent_is_told() {
    let owned = HashMap::from([(partition(), Reading::default())]);
    let why = |told: &Told, is_paused| unreachable(&statistics(told), &owned, is_paused);
    assert_eq!(why(&AT_END, false), None);
    let away = Told {
        broker_state: "DOWN",
        ..AT_END
    };
    assert!(why(&away, false).is_some_and(|why| why.contains("no broker")));
    let frozen = Told {
        rx_idle_ms: 12_000,
        ..AT_END
    };
    assert!(why(&frozen, false).is_some_and(|why| why.contains("12 s")));
    assert_eq!(why(&frozen, true), None, "nothing is asked of it");
}

proptest! {
    /// The model of a client: a log with holes, of which the reading before had come to `eof_before`. Whatever
    /// statistics are told, made before or during this reading, no end passes a record that was not handed on.
    #[test]
    fn no_end_passes_a_record_that_was_not_handed_on(
        records in prop::collection::btree_set(0i64..60, 0..40),
        start in 0i64..60,
        fetched in 0usize..40,
        handed_on in 0usize..40,
        end in 60i64..64,
        eof_before in 0i64..64,
        after_ms in -6_000i64..8_000,
    ) {
        let ahead: Vec<i64> = records.range(start..).copied().collect();
        let fetched = fetched.min(ahead.len());
        let handed_on = handed_on.min(fetched);
        let next = handed_on.checked_sub(1).map_or(start, |last| ahead[last] + 1);
        let is_all_fetched = fetched == ahead.len();
        let told = if after_ms >= FRESH_MS {
            // Of this reading: it is at its end only when all was fetched.
            let eof = if is_all_fetched { end } else { -1001 };
            let fetching = if is_all_fetched { end } else { ahead[fetched] };
            Told { after_ms, high: end, eof, fetching, queued: (fetched - handed_on) as i64, ..AT_END }
        } else {
            // Of the reading before, which may have seen another end, or of this one.
            Told { after_ms, high: eof_before, eof: eof_before, fetching: eof_before, ..AT_END }
        };
        if let Some(found) = status(&told, Some(next)).end {
            let passed = ahead[handed_on..].iter().filter(|record| **record < found.offset);
            prop_assert_eq!(passed.count(), 0);
        }
    }
}
