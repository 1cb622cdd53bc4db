//! Invented records: spans reported in several versions, logs and links, each copied into several partitions.

use domain::facts::Link;
use domain::ids::{SpanId, SpanKey, TraceId};
use domain::message::{Message, Role};
use domain::prepare::{self, Prepared};
use domain::span::{Content, Operation, Span, SpanError, SpanLog, User};
use domain::usage::NoPrices;
use fastrand::Rng;

pub const GAP_MS: i64 = 100;
pub const PARTITIONS_MAX: usize = 3;
const SECOND_NS: i64 = 1_000_000_000;
const BASE_NS: i64 = 1_795_414_965 * SECOND_NS;

/// What a record tells, by numbers: a greater version of a span is believed before a smaller one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    Span {
        number: u8,
        version: u8,
    },
    Log {
        number: u8,
        index: u8,
    },
    /// That the span above this one has this parent; 0 for none.
    Link {
        number: u8,
        parent: u8,
    },
}

#[derive(Clone, Copy, Debug)]
pub struct Record {
    pub told: Told,
    pub record_ms: i64,
}

/// Records by partition. The record times of a partition never go back.
pub type Topic = Vec<Vec<Record>>;

/// A conversation whose records come in bursts within `span_ms`.
pub fn topic(rng: &mut Rng, facts_max: usize, span_ms: i64) -> Topic {
    let partitions = rng.usize(1..=PARTITIONS_MAX);
    let mut topic = vec![Vec::new(); partitions];
    let bursts: Vec<i64> = (0..rng.usize(1..=facts_max))
        .map(|_| rng.i64(0..span_ms))
        .collect();
    for number in 1..=rng.u8(1..=facts_max as u8) {
        for told in told_of(rng, number) {
            for _ in 0..[1, 1, 1, 2, 3][rng.usize(..5)] {
                let record_ms = bursts[rng.usize(..bursts.len())] + rng.i64(0..GAP_MS);
                topic[rng.usize(..partitions)].push(Record { told, record_ms });
            }
        }
    }
    for records in &mut topic {
        records.sort_by_key(|record| record.record_ms);
    }
    topic
}

fn told_of(rng: &mut Rng, number: u8) -> Vec<Told> {
    let mut told = Vec::new();
    let versions = [1, 1, 1, 2, 3][rng.usize(..5)];
    told.extend((0..versions).map(|version| Told::Span { number, version }));
    if !carries_content(number) {
        told.extend((0..rng.u8(0..3)).map(|index| Told::Log { number, index }));
    }
    for _ in 0..[0, 1, 1, 2][rng.usize(..4)] {
        let parent = rng.u8(0..number);
        told.push(Told::Link { number, parent });
    }
    told
}

/// Of the other spans logs tell what was said.
fn carries_content(number: u8) -> bool {
    number.is_multiple_of(2)
}

fn key(number: u8, kind: u8) -> SpanKey {
    SpanKey {
        trace: TraceId([1; 16]),
        span: SpanId([kind, 0, 0, 0, 0, 0, 0, number]),
    }
}

fn content(said: String) -> Content {
    Content {
        system: Vec::new(),
        input: vec![Message::text_of(Role::User, "hm?")],
        output: vec![Message::text_of(Role::Assistant, &said)],
    }
}

pub fn span(number: u8, version: u8, record_ms: i64) -> Prepared {
    let start_ns = BASE_NS + i64::from(number) * SECOND_NS;
    let said = carries_content(number).then(|| content(format!("answer {number}.{version}")));
    let span = Span {
        key: key(number, 1),
        parent: Some(key(number, 2).span),
        project: "shop".into(),
        conversation_id: Some("c".into()),
        is_genai: true,
        name: format!("span {number}"),
        operation: [Operation::Chat, Operation::InvokeAgent][usize::from(number.is_multiple_of(3))],
        start_ns,
        end_ns: start_ns + i64::from(version) * SECOND_NS,
        request_model: Some(format!("model {version}")),
        content: said.unwrap_or_default(),
        instrumentation: "test".into(),
        ..Span::default()
    };
    prepare::span(span, record_ms, &NoPrices)
}

pub fn log(number: u8, index: u8, record_ms: i64) -> Prepared {
    let log = SpanLog {
        key: key(number, 1),
        project: "shop".into(),
        conversation_id: Some("c".into()),
        time_ns: BASE_NS + i64::from(number) * SECOND_NS,
        index: u32::from(index),
        is_complete: false,
        content: content(format!("logged {number}.{index}")),
        finish_reason: None,
        // Some tell of an error as well.
        error: index.is_multiple_of(2).then(|| SpanError {
            kind: Some(format!("Error{index}")),
            ..SpanError::default()
        }),
        user: User::default(),
    };
    prepare::log(log, record_ms)
}

/// Of the span that stands above the one of this number.
pub fn link(number: u8, parent: u8, record_ms: i64) -> Link {
    Link {
        key: key(number, 2),
        parent: (parent != 0).then(|| key(parent, 1).span),
        record_ms,
    }
}

/// What the processor hands over for these records.
pub fn batch(records: &[Record]) -> (Vec<Prepared>, Vec<Link>) {
    let mut facts = Vec::new();
    let mut links = Vec::new();
    for Record { told, record_ms } in records.iter().copied() {
        match told {
            Told::Span { number, version } => facts.push(span(number, version, record_ms)),
            Told::Log { number, index } => facts.push(log(number, index, record_ms)),
            Told::Link { number, parent } => links.push(link(number, parent, record_ms)),
        }
    }
    (facts, links)
}
