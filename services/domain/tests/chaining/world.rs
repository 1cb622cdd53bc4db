//! Processors around one store, as far as chaining is concerned: each reads its share of the traces behind its own clock,
//! decides on what it read from the store, and finds out when it writes that another was faster.

use domain::chain::{Chain, Joint, Joints, Outcome as ChainOutcome, Piece, Put, Settings, UnitId};
use domain::ids::{Digest, SpanId, SpanKey, TraceId};
use domain::prepare::{self, Fact, Prepared};
use domain::resolve::{self, Decision, Kind, Offer, Outcome, Resolver, SpanLink, WithoutId};
use domain::span::Span;
use domain::usage::NoPrices;
use std::collections::{BTreeMap, BTreeSet};

pub const RESOLVE_WAIT_MS: i64 = 30_000;
pub const CHAIN_WAIT_MS: i64 = 60_000;

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
    placed: BTreeMap<TraceId, BTreeMap<SpanId, String>>,
    links: BTreeMap<TraceId, Vec<SpanLink>>,
    /// Where each span came to lie in the end.
    pub conversations: BTreeMap<SpanKey, String>,
    pub left_out: BTreeSet<SpanKey>,
}

#[derive(Debug)]
pub struct Processor {
    resolver: Resolver<Prepared>,
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
        let resolve = resolve::Settings {
            wait_ms: RESOLVE_WAIT_MS,
            ..resolve::Settings::default()
        };
        Self {
            resolver: Resolver::new(resolve),
            chain: Chain::new(settings),
            settings,
            now_ms: 0,
            read: Vec::new(),
        }
    }

    pub fn read(&mut self, record: Record, store: &mut Store) {
        self.read.push(record.clone());
        self.now_ms = self.now_ms.max(record.at_ms);
        let trace = record.span.key.trace;
        if !self.resolver.knows(&trace) {
            self.recall(trace, store);
        }
        let offer = Offer {
            project: record.span.project.as_str().into(),
            key: record.span.key,
            parent: record.span.parent,
            conversation_id: record.span.conversation_id.clone(),
            kind: Kind::GenAiSpan,
            is_call: record.span.operation.is_llm(),
            without_id: WithoutId::History,
            bytes: 1_000,
            record_ms: record.at_ms,
            item: prepare::span(record.span, record.at_ms, &NoPrices),
        };
        let outcome = self.resolver.offer(offer, self.now_ms);
        for (trace, link) in self.resolver.take_unsaved() {
            store.links.entry(trace).or_default().push(link);
        }
        self.carry_out(outcome, store);
    }

    fn recall(&mut self, trace: TraceId, store: &mut Store) {
        let links = store.links.get(&trace).cloned().unwrap_or_default();
        let outcome = self.resolver.restore(trace, links, self.now_ms);
        self.carry_out(outcome, store);
        let placed = store.placed.get(&trace).cloned().unwrap_or_default();
        let outcome = self
            .resolver
            .place(trace, placed.into_iter().collect(), self.now_ms);
        self.carry_out(outcome, store);
    }

    /// Its clock has reached a time.
    pub fn pass(&mut self, now_ms: i64, store: &mut Store) {
        self.now_ms = self.now_ms.max(now_ms);
        let outcome = self.resolver.tick(self.now_ms);
        self.carry_out(outcome, store);
    }

    fn carry_out(&mut self, outcome: Outcome<Prepared>, store: &mut Store) {
        let mut pieces = Vec::new();
        for decision in outcome.decisions {
            match decision {
                Decision::Assigned {
                    item, conversation, ..
                } => store.assign(key(&item), &conversation.id),
                Decision::Unassigned { item } => {
                    store.left_out.insert(key(&item));
                }
                Decision::Chain(piece) => pieces.push(piece),
            }
        }
        self.chain.take(pieces);
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
                    self.settle(id, &conversation, store);
                }
                ChainOutcome::LeftOut => {
                    let pieces = self.chain.give_up(id);
                    store.left_out.extend(pieces.iter().map(|piece| piece.key));
                }
                ChainOutcome::Waits => {
                    let puts = self.chain.announce(id);
                    self.write_down(puts, store);
                }
            }
        }
    }

    fn settle(&mut self, id: UnitId, conversation: &str, store: &mut Store) {
        let Some(settled) = self.chain.settle(id, conversation) else {
            return;
        };
        self.write_down(settled.puts, store);
        for piece in &settled.pieces {
            self.place(piece, conversation, store);
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

    fn place(&mut self, piece: &Piece<Prepared>, conversation: &str, store: &mut Store) {
        let trace = store.placed.entry(piece.key.trace).or_default();
        trace
            .entry(piece.key.span)
            .or_insert_with(|| conversation.to_owned());
        store.assign(piece.key, conversation);
        let placed = vec![(piece.key.span, conversation.to_owned())];
        let outcome = self.resolver.place(piece.key.trace, placed, self.now_ms);
        self.carry_out(outcome, store);
    }

    /// It dies; whoever takes its place reads again from the first record that was not done.
    pub fn restart(&mut self, store: &mut Store) {
        let old = std::mem::replace(self, Self::new());
        let is_done = |record: &Record| {
            let key = record.span.key;
            store.conversations.contains_key(&key) || store.left_out.contains(&key)
        };
        let done = old.read.iter().take_while(|record| is_done(record)).count();
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
    fn write(&mut self, point: Digest, joint: Joint) {
        let stored = self.joints.entry(point).or_default();
        *stored = (stored.0 + 1, joint);
    }

    fn assign(&mut self, key: SpanKey, conversation: &str) {
        let known = self
            .conversations
            .entry(key)
            .or_insert_with(|| conversation.to_owned());
        assert_eq!(known, conversation, "{key} came to two conversations");
    }
}

fn key(prepared: &Prepared) -> SpanKey {
    match &prepared.fact {
        Fact::Span(span) => span.key,
        Fact::Log(log) => log.key,
    }
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
            now_ms += RESOLVE_WAIT_MS.max(CHAIN_WAIT_MS);
            processor.pass(now_ms, &mut store);
            processor.settle_all(&mut store);
        }
    }
    store.conversations
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
        processor.pass(now_ms, &mut store);
        processor.settle_all(&mut store);
    }
    store.conversations
}
