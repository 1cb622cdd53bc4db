//! What of a trace belongs together: everything below one GenAI span goes to one conversation.

use super::Settings;
use super::call::Call;
use super::joint::Mark;
use super::who::Relation;
use crate::ids::{Digest, SpanId, SpanKey, TraceId};
use crate::prepare::{Fact, Prepared};
use crate::span::Operation;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Begins the ids of conversations that no span names.
const ID_PREFIX: &str = "inferred";

/// An item whose content can be looked at.
pub trait Prepares {
    fn prepared(&self) -> Option<&Prepared>;
}

impl Prepares for Prepared {
    fn prepared(&self) -> Option<&Prepared> {
        Some(self)
    }
}

/// A span or log record that found no conversation by ids.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece<T> {
    pub item: T,
    pub project: Arc<str>,
    /// Of the span, or of the span that a log record belongs to.
    pub key: SpanKey,
    pub hints: Hints,
}

/// What the picture of the trace says of a piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// The GenAI spans above it, as far as known.
    pub ancestors: Vec<SpanId>,
    /// The conversation that the span itself or one above it was given to before.
    pub placed: Option<String>,
    /// The conversations that spans of the trace were given to before.
    pub placed_in_trace: BTreeSet<String>,
}

/// Orders units by when they began.
pub type UnitId = (i64, SpanKey);

/// Pieces that go to one conversation.
#[derive(Debug)]
pub(super) struct Unit<T> {
    pub(super) project: Arc<str>,
    pub(super) pieces: Vec<Piece<T>>,
    /// By start. A unit without calls goes where the rest of its trace goes.
    pub(super) calls: Vec<Call>,
    pub(super) placed: Option<String>,
    pub(super) placed_in_trace: BTreeSet<String>,
    /// The record of its first piece: a wait is over at the same record time whoever reads it, and however often.
    pub(super) since_ms: i64,
    pub(super) next_try_ms: i64,
    pub(super) is_announced: bool,
}

impl<T: Prepares> Unit<T> {
    fn new(pieces: Vec<Piece<T>>, calls: Vec<Call>) -> Self {
        let records = pieces
            .iter()
            .filter_map(|piece| piece.item.prepared())
            .map(record_ms);
        let since_ms = records.min().unwrap_or_default();
        let placed = pieces
            .iter()
            .filter_map(|piece| piece.hints.placed.clone())
            .min();
        let in_trace = pieces
            .iter()
            .flat_map(|piece| piece.hints.placed_in_trace.iter().cloned());
        Self {
            project: pieces
                .first()
                .map_or_else(|| "".into(), |piece| Arc::clone(&piece.project)),
            placed,
            placed_in_trace: in_trace.collect(),
            calls,
            pieces,
            since_ms,
            next_try_ms: i64::MIN,
            is_announced: false,
        }
    }

    pub(super) fn id(&self) -> UnitId {
        match self.calls.first() {
            Some(call) => (call.start_ns, call.key),
            None => (
                i64::MAX,
                self.pieces
                    .iter()
                    .map(|piece| piece.key)
                    .min()
                    .unwrap_or(NO_KEY),
            ),
        }
    }

    pub(super) fn trace(&self) -> TraceId {
        self.pieces
            .first()
            .map_or(NO_KEY.trace, |piece| piece.key.trace)
    }

    /// The id of the conversation that begins with this unit: a function of its first call.
    pub(super) fn own_conversation(&self) -> String {
        let (_, key) = self.id();
        format!("{ID_PREFIX}-{}-{}", key.trace, key.span)
    }

    /// The calls that go on from an answer which was not given within the unit.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Call> {
        let inner: BTreeSet<&Digest> = self.calls.iter().flat_map(|call| &call.ends).collect();
        self.calls.iter().filter(move |call| {
            !call.continues.is_empty() && !call.continues.iter().any(|point| inner.contains(point))
        })
    }

    pub(super) fn ends(&self) -> impl Iterator<Item = &Digest> {
        self.calls.iter().flat_map(|call| &call.ends)
    }

    pub(super) fn has_user(&self) -> bool {
        self.calls.iter().any(|call| call.who.has_user())
    }

    /// Names what is known of the users of a conversation.
    pub(super) fn owner(&self, conversation: &str) -> Digest {
        Digest::of(&[b"owner", self.project.as_bytes(), conversation.as_bytes()])
    }
}

const NO_KEY: SpanKey = SpanKey {
    trace: TraceId([0; 16]),
    span: SpanId([0; 8]),
};

impl Call {
    pub(super) fn as_follower(&self, conversation: &str) -> Mark {
        Mark {
            key: self.key,
            conversation: conversation.to_owned(),
            at_ns: self.start_ns,
            record_ms: self.record_ms,
            who: self.who.clone(),
            tip: self.tip,
            failed: self.failed,
            turns: Vec::new(),
            is_part: false,
        }
    }

    pub(super) fn as_end(&self, conversation: &str) -> Mark {
        Mark {
            at_ns: self.end_ns,
            tip: None,
            failed: false,
            ..self.as_follower(conversation)
        }
    }
}

/// Cuts the pieces of one trace into units.
pub(super) fn units<T: Prepares>(pieces: Vec<Piece<T>>, settings: &Settings) -> Vec<Unit<T>> {
    let mut by_project: BTreeMap<Arc<str>, Vec<Piece<T>>> = BTreeMap::new();
    for piece in pieces {
        by_project
            .entry(Arc::clone(&piece.project))
            .or_default()
            .push(piece);
    }
    let cut = by_project.into_values();
    cut.flat_map(|pieces| of_project(pieces, settings))
        .collect()
}

fn of_project<T: Prepares>(pieces: Vec<Piece<T>>, settings: &Settings) -> Vec<Unit<T>> {
    let mut units = Vec::new();
    let mut rest = Vec::new();
    for component in components(pieces) {
        let calls = calls(&component, settings);
        if calls.is_empty() {
            rest.extend(component);
        } else if contradict(&calls) {
            // A job that works for several users below one span: each call for itself.
            let (own, others) = by_call(component, calls);
            units.extend(
                own.into_iter()
                    .map(|(pieces, call)| Unit::new(pieces, vec![call])),
            );
            rest.extend(others);
        } else {
            units.push(Unit::new(component, calls));
        }
    }
    if !rest.is_empty() {
        units.push(Unit::new(rest, Vec::new()));
    }
    units
}

fn contradict(calls: &[Call]) -> bool {
    let pairs = calls
        .iter()
        .enumerate()
        .flat_map(|(index, a)| calls[..index].iter().map(move |b| (a, b)));
    calls.iter().any(|call| call.who.has_user())
        && pairs
            .into_iter()
            .any(|(a, b)| a.who.user(&b.who) == Relation::Contradicts)
}

type OfCalls<T> = (Vec<(Vec<Piece<T>>, Call)>, Vec<Piece<T>>);

fn by_call<T>(pieces: Vec<Piece<T>>, calls: Vec<Call>) -> OfCalls<T> {
    let mut own: Vec<(Vec<Piece<T>>, Call)> =
        calls.into_iter().map(|call| (Vec::new(), call)).collect();
    let mut rest = Vec::new();
    for piece in pieces {
        match own.iter_mut().find(|(_, call)| call.key == piece.key) {
            Some((pieces, _)) => pieces.push(piece),
            None => rest.push(piece),
        }
    }
    (own, rest)
}

/// Pieces that share a span: themselves, their log records, a GenAI span above them.
fn components<T>(pieces: Vec<Piece<T>>) -> Vec<Vec<Piece<T>>> {
    let mut parents: Vec<usize> = (0..pieces.len()).collect();
    let mut seen: FxHashMap<SpanId, usize> = FxHashMap::default();
    for (index, piece) in pieces.iter().enumerate() {
        for span in piece.hints.ancestors.iter().chain([&piece.key.span]) {
            let known = *seen.entry(*span).or_insert(index);
            let (a, b) = (root(&mut parents, known), root(&mut parents, index));
            parents[a.max(b)] = a.min(b);
        }
    }
    let mut components: BTreeMap<usize, Vec<Piece<T>>> = BTreeMap::new();
    for (index, piece) in pieces.into_iter().enumerate() {
        components
            .entry(root(&mut parents, index))
            .or_default()
            .push(piece);
    }
    components.into_values().collect()
}

fn root(parents: &mut [usize], mut index: usize) -> usize {
    while parents[index] != index {
        parents[index] = parents[parents[index]];
        index = parents[index];
    }
    index
}

/// The calls of a component: to models, those that only log records tell of, and where there is none of either, agents
/// that tell what they were asked and what they answered.
fn calls<T: Prepares>(pieces: &[Piece<T>], settings: &Settings) -> Vec<Call> {
    let mut by_key: BTreeMap<SpanKey, Vec<&Prepared>> = BTreeMap::new();
    for piece in pieces {
        if let Some(prepared) = piece.item.prepared() {
            by_key.entry(piece.key).or_default().push(prepared);
        }
    }
    let project = pieces.first().map_or("", |piece| &*piece.project);
    let of = |wanted: &dyn Fn(Option<Operation>) -> bool| -> Vec<Call> {
        let wanted = by_key.values().filter(|told| wanted(operation(told)));
        let mut calls: Vec<Call> = wanted
            .filter_map(|told| Call::of(project, told, settings))
            .collect();
        calls.sort_by_key(|call| (call.start_ns, call.key));
        calls
    };
    let models = of(&|operation| operation.is_none_or(Operation::is_llm));
    if !models.is_empty() {
        return models;
    }
    let mut agents = of(&|operation| operation == Some(Operation::InvokeAgent));
    agents.retain(Call::has_place);
    agents
}

fn record_ms(prepared: &Prepared) -> i64 {
    match &prepared.fact {
        Fact::Span(span) => span.record_ms,
        Fact::Log(log) => log.record_ms,
    }
}

fn operation(told: &[&Prepared]) -> Option<Operation> {
    told.iter().find_map(|prepared| match &prepared.fact {
        Fact::Span(span) => Some(span.operation),
        Fact::Log(_) => None,
    })
}
