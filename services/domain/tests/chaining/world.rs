//! Processors around one store, as far as chaining is concerned: each reads its share of the traces behind its own clock,
//! decides on what it read from the store, and finds out when it writes that another was faster.

use domain::chain::{Chain, Joint, Joints, Outcome as ChainOutcome, Piece, Put, Settings, UnitId};
use domain::ids::{Digest, SpanId, SpanKey, TraceId};
use domain::limits::Limits;
use domain::prepare::{self, Prepared};
use domain::span::Span;
use domain::trace::{Batch, GivenTo, Kind, Report, Times, Trace};
use domain::usage::NoPrices;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub const SETTLE_MS: i64 = 30_000;
pub const CHAIN_WAIT_MS: i64 = 60_000;

const TIMES: Times = Times {
    settle_ms: SETTLE_MS,
    wait_ms: i64::MAX / 4,
    hold_ms: i64::MAX / 4,
};

/// A span as it lies in a topic.
#[derive(Clone, Debug)]
pub struct Record {
    pub at_ms: i64,
    pub span: Span,
}

/// What all processors share.
#[derive(Debug, Default)]
pub struct Store {
    joints: BTreeMap<Digest, (u64, Joint)>,
    traces: BTreeMap<TraceId, Stored>,
}

#[derive(Debug)]
struct Stored {
    trace: Trace,
    /// Up to when everything was decided that was due.
    visited_ms: i64,
}

#[derive(Debug)]
pub struct Processor {
    chain: Chain<Prepared>,
    settings: Settings,
    now_ms: i64,
    /// What it read, to be read again by whoever takes its place.
    read: Vec<Record>,
}

/// Decisions that are not written yet.
pub struct Round {
    versions: BTreeMap<Digest, u64>,
    joints: Joints,
    outcomes: Vec<(UnitId, ChainOutcome)>,
}

impl Processor {
    pub fn new() -> Self {
        let settings = Settings {
            wait_ms: CHAIN_WAIT_MS,
            ..Settings::default()
        };
        Self {
            chain: Chain::new(settings),
            settings,
            now_ms: i64::MIN,
            read: Vec::new(),
        }
    }

    pub fn read(&mut self, record: Record, store: &mut Store) {
        self.read.push(record.clone());
        let Record { at_ms, span } = record;
        let batch = Batch {
            reports: vec![Report {
                span: span.key.span,
                kind: Kind::GenAiSpan,
                parent: span.parent,
                conversation: span.conversation_id.clone(),
                hint: None,
                record_ms: at_ms,
            }],
            facts: vec![prepare::span(span.clone(), at_ms, &NoPrices)],
        };
        let stored = store.trace(span.key.trace);
        stored.trace.take_in(&batch, &Limits::default());
    }

    /// Its clock has reached a time: what is due is taken up, unless it has something in hand.
    pub fn pass(&mut self, now_ms: i64, store: &Store) {
        self.now_ms = now_ms;
        let retry_ms = Some(self.settings.try_every_ms());
        let due = store.traces.values().filter(|stored| {
            let due_ms =
                stored
                    .trace
                    .due_ms(&stored.trace.held_spans(), stored.visited_ms, retry_ms);
            due_ms.is_some_and(|due_ms| due_ms <= now_ms)
        });
        let project: Arc<str> = "shop".into();
        let pieces = due.flat_map(|stored| stored.trace.pieces(&project, now_ms));
        self.chain = Chain::new(self.settings);
        self.chain.take(pieces.collect());
    }

    /// Reads what the next decisions need and takes them; `None` when there is nothing to decide.
    pub fn begin_round(&mut self, store: &Store) -> Option<Round> {
        let ids = self.chain.ready(self.now_ms);
        if ids.is_empty() {
            return None;
        }
        let mut versions = BTreeMap::new();
        let mut joints = Joints::new();
        let mut load = |points: BTreeSet<Digest>, joints: &mut Joints| {
            for point in points {
                let (version, joint) = store.joints.get(&point).cloned().unwrap_or_default();
                versions.insert(point, version);
                joints.insert(point, joint);
            }
        };
        load(self.chain.points(&ids), &mut joints);
        load(self.chain.owners(&ids, &joints), &mut joints);
        let outcomes = self.chain.decide(&ids, &mut joints, self.now_ms);
        Some(Round {
            versions,
            joints,
            outcomes,
        })
    }

    /// Writes decisions, if nobody has changed anything that this round read; else they are taken again.
    pub fn end_round(&mut self, round: Round, store: &mut Store) {
        let is_lost = round.versions.iter().any(|(point, version)| {
            store.joints.get(point).map_or(0, |(version, _)| *version) != *version
        });
        if is_lost {
            return;
        }
        for (id, outcome) in round.outcomes {
            match outcome {
                ChainOutcome::Settled {
                    conversation,
                    owner,
                    points,
                    ..
                } => {
                    for point in owner.into_iter().chain(points) {
                        store.write(point, round.joints[&point].clone());
                    }
                    if let Some(settled) = self.chain.settle(id, &conversation) {
                        self.write_down(settled.puts, store);
                        store.give(settled.pieces, &GivenTo::History(conversation));
                    }
                }
                ChainOutcome::LeftOut => store.give(self.chain.give_up(id), &GivenTo::Nothing),
                ChainOutcome::Waits => {
                    let puts = self.chain.announce(id);
                    self.write_down(puts, store);
                    store.trace(id.1.trace).visited_ms = self.now_ms;
                }
            }
        }
    }

    fn write_down(&self, puts: Vec<Put>, store: &mut Store) {
        for put in puts {
            let mut joint = store.joints.get(&put.point).cloned().unwrap_or_default().1;
            if put.apply(&mut joint, &self.settings) {
                store.write(put.point, joint);
            }
        }
    }

    /// It dies; whoever takes its place reads again from somewhere before.
    pub fn restart(&mut self, store: &mut Store) {
        let old = std::mem::replace(self, Self::new());
        let done = old.read.len() / 2;
        for record in &old.read[done..] {
            self.read(record.clone(), store);
        }
    }

    /// Decides until nothing is ready.
    pub fn settle_all(&mut self, store: &mut Store) {
        while let Some(round) = self.begin_round(store) {
            self.end_round(round, store);
        }
    }
}

impl Store {
    fn trace(&mut self, trace: TraceId) -> &mut Stored {
        self.traces.entry(trace).or_insert_with(|| Stored {
            trace: Trace::new(trace, TIMES),
            visited_ms: i64::MIN / 2,
        })
    }

    fn write(&mut self, point: Digest, joint: Joint) {
        let stored = self.joints.entry(point).or_default();
        *stored = (stored.0 + 1, joint);
    }

    fn give(&mut self, pieces: Vec<Piece<Prepared>>, to: &GivenTo) {
        for piece in pieces {
            let stored = self.trace(piece.key.trace);
            let before = conversation_of(&stored.trace, piece.key.span);
            let given = stored.trace.given_to([piece.key.span], to);
            stored.trace.give(given);
            let after = conversation_of(&stored.trace, piece.key.span);
            assert!(
                before.is_none() || before == after,
                "{} came to two conversations",
                piece.key
            );
        }
    }

    /// Where each span lies.
    pub fn conversations(&self) -> BTreeMap<SpanKey, String> {
        let traces = self.traces.iter();
        let spans = traces.flat_map(|(trace, stored)| {
            stored.trace.held_spans().into_iter().filter_map(|span| {
                let key = SpanKey {
                    trace: *trace,
                    span,
                };
                Some((key, conversation_of(&stored.trace, span)?))
            })
        });
        spans.collect()
    }
}

fn conversation_of(trace: &Trace, span: SpanId) -> Option<String> {
    let last = trace.stays(span).pop()?;
    last.until_ms.is_none().then_some(last.conversation)
}

/// Plays the spans in this order to one processor that decides each before the next comes.
pub fn one_by_one(spans: &[Span]) -> BTreeMap<SpanKey, String> {
    let (mut processor, mut store) = (Processor::new(), Store::default());
    let mut now_ms = crate::chats::START_S * 1_000;
    for span in spans {
        processor.read(
            Record {
                at_ms: now_ms,
                span: span.clone(),
            },
            &mut store,
        );
        for _ in 0..4 {
            now_ms += SETTLE_MS.max(CHAIN_WAIT_MS);
            processor.pass(now_ms, &store);
            processor.settle_all(&mut store);
        }
    }
    store.conversations()
}

/// Plays the spans in this order to one processor to which they all come before the first wait is over.
pub fn at_once(spans: &[Span]) -> BTreeMap<SpanKey, String> {
    let (mut processor, mut store) = (Processor::new(), Store::default());
    let mut now_ms = crate::chats::START_S * 1_000;
    for span in spans {
        processor.read(
            Record {
                at_ms: now_ms,
                span: span.clone(),
            },
            &mut store,
        );
    }
    for _ in 0..10 {
        now_ms += CHAIN_WAIT_MS / 2;
        processor.pass(now_ms, &store);
        processor.settle_all(&mut store);
    }
    store.conversations()
}
