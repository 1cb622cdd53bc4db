//! One record between the books and the shards, with a reading that fails on purpose.

use super::support::{Broker, Member, SPANS};
use domain::assembly::Reading;
use parking_lot::Mutex;
use processor::item::{Ends, GivenUp, Ticket, Ways, bounded_by_room};
use processor::out::dead_letters::guard::Guard;
use processor::out::dead_letters::{DeadLetterLimits, DeadLetters, Rejection};
use processor::reading::decode::{DecodeError, Encoding, Signal};
use processor::reading::reader::ReadRecord;
use processor::reading::stages::{Format, Stages};
use processor::source::{Position, Record};
use processor::tallies::Tallies;
use rdkafka::message::{Headers as _, Message as _};
use runtime::clock::ManualClock;
use runtime::health::Health;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Tally;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;

const DLQ: &str = "spans.dlq";

/// Reads a record as its payload says.
#[derive(Debug)]
struct Obedient;

impl ReadRecord for Obedient {
    fn read_record(
        &self,
        record: &Record,
        encoding: Encoding,
        _: Signal,
    ) -> Result<(Reading, Option<Rejection>), DecodeError> {
        match &record.payload[..] {
            b"good" => Ok((Reading::default(), None)),
            b"bad" => Err(DecodeError {
                encoding,
                reason: "it says so".to_owned(),
            }),
            _ => panic!("span {} has no end", 7),
        }
    }
}

struct Rig {
    stages: Stages,
    guard: Arc<Guard>,
    done: UnboundedReceiver<Position>,
    given_up: UnboundedReceiver<GivenUp>,
    abandoned: UnboundedReceiver<Position>,
    ends: Ends,
}

fn rig(broker: &Broker, limits: DeadLetterLimits) -> Rig {
    let health = Health::default();
    let ((finish, done), (give_up, given_up)) = (bounded_by_room(), bounded_by_room());
    let (abandoning, abandoned) = bounded_by_room();
    let condition = health.condition("paused_partitions");
    let guard = Arc::new(Guard::new(
        limits,
        Arc::new(ManualClock::default()),
        condition,
    ));
    let dead_letters = DeadLetters::new(&broker.config(), health.condition("dead_letters"));
    let stages = Stages {
        reader: Arc::new(Obedient),
        readers: Arc::new(Semaphore::new(1)),
        dead_letters: Arc::new(dead_letters.expect("a producer")),
        guard: Arc::clone(&guard),
        unread: Arc::new(Mutex::new(Tallies::new(Tally::Unread))),
        shards: Ways(Arc::new([])),
        places: Ways(Arc::new([])),
        abandoned: abandoning,
    };
    Rig {
        stages,
        guard,
        done,
        given_up,
        abandoned,
        ends: Ends {
            done: finish,
            given_up: give_up,
        },
    }
}

impl Rig {
    async fn run(&self, record: Record) {
        let ticket = Ticket::first(&record, &self.ends);
        let format = Format {
            encoding: Encoding::OtlpProto,
            signal: Signal::Spans,
        };
        self.stages.clone().run(record, format, ticket).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_panics_costs_its_record_and_the_offset_moves() {
    let broker = Broker::with(&[(SPANS, 1), (DLQ, 1)]);
    for payload in ["panic", "good"] {
        broker.produce(SPANS, 0, payload).await;
    }
    let mut rig = rig(&broker, DeadLetterLimits::default());
    let mut member = Member::join(&broker.config());
    for offset in 0..2 {
        rig.run(member.record().await).await;
        let done = rig.done.try_recv().expect("the record is done");
        assert_eq!(done.offset, offset);
        assert!(member.tracker.acknowledge(&done));
    }
    assert_eq!(member.committable()[0].next.offset, 2);
    let written = broker.written(DLQ, 1);
    assert_eq!(written[0].payload(), Some(b"panic".as_slice()));
    let headers = written[0].headers().expect("headers");
    let told = |name: &str| {
        let header = headers.iter().find(|header| header.key == name);
        let value = header.and_then(|header| header.value).unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    };
    assert_eq!(told("colloquy.dlq.reason"), "panicked");
    assert!(
        told("colloquy.dlq.detail").contains("span 7 has no end"),
        "{}",
        told("colloquy.dlq.detail")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_written_becomes_a_dead_letter_and_does_not_count_as_unreadable() {
    let broker = Broker::with(&[(SPANS, 1), (DLQ, 1)]);
    for payload in ["good", "good", "good"] {
        broker.produce(SPANS, 0, payload).await;
    }
    let limits = DeadLetterLimits {
        records_min: 2,
        ..DeadLetterLimits::default()
    };
    let mut rig = rig(&broker, limits);
    let mut member = Member::join(&broker.config());
    for offset in 0..3 {
        let record = member.record().await;
        rig.guard.begin([record.at.partition.clone()]);
        rig.guard.found(&BTreeMap::new());
        // As a shard that cannot write what it was sent.
        Ticket::first(&record, &rig.ends).failed("the store refuses it");
        let given_up = rig.given_up.try_recv().expect("it is given up");
        let buried = rig.stages.clone().bury(given_up).await;
        assert_eq!(buried.offset, offset);
    }
    assert!(rig.done.try_recv().is_err());
    assert_eq!(rig.guard.open().len(), 0, "the partition goes on");
    let written = broker.written(DLQ, 3);
    assert_eq!(written[0].payload(), Some(b"good".as_slice()));
    let headers = written[0].headers().expect("headers");
    let told = headers
        .iter()
        .filter_map(|header| Some((header.key, header.value?)));
    let told: BTreeMap<_, _> = told.collect();
    assert_eq!(told["colloquy.dlq.reason"], b"unwritable");
    assert_eq!(told["colloquy.dlq.detail"], b"the store refuses it");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_paused_partition_stay_where_they_are_and_another_is_read() {
    let broker = Broker::with(&[(SPANS, 2), (DLQ, 1)]);
    for payload in ["bad", "bad", "bad", "good"] {
        broker.produce(SPANS, 0, payload).await;
    }
    broker.produce(SPANS, 1, "bad").await;
    let limits = DeadLetterLimits {
        records_min: 2,
        ..DeadLetterLimits::default()
    };
    let mut rig = rig(&broker, limits);
    let mut member = Member::join(&broker.config());
    let (mut done, mut abandoned) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let record = member.record().await;
        rig.guard.begin([record.at.partition.clone()]);
        rig.guard.found(&BTreeMap::new());
        rig.run(record).await;
        done.extend(rig.done.try_recv().ok());
        abandoned.extend(rig.abandoned.try_recv().ok());
    }
    let shown = |positions: &[Position]| {
        let mut shown: Vec<_> = positions.iter().map(ToString::to_string).collect();
        shown.sort();
        shown
    };
    assert_eq!(shown(&done), ["otlp_spans/0@0", "otlp_spans/1@0"]);
    assert_eq!(
        shown(&abandoned),
        ["otlp_spans/0@1", "otlp_spans/0@2", "otlp_spans/0@3"]
    );
    assert_eq!(rig.guard.open().len(), 1);
    assert_eq!(broker.written(DLQ, 2).len(), 2);
}
