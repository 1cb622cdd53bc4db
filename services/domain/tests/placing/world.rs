//! One trace as it lies in topics, and the conversations that are told of it.

use domain::conversation::Conversation;
use domain::ids::{SpanId, SpanKey, TraceId};
use domain::limits::Limits;
use domain::prepare::{self, Prepared};
use domain::span::{Content, Operation, Span, SpanError, SpanLog, User};
use domain::trace::{
    Batch, Effect, Hint, Kind, Report, Taken, Times, Trace, TraceEntry, WithoutId,
};
use domain::usage::NoPrices;
use domain::window::Closed;
use std::collections::{BTreeMap, BTreeSet};

pub const TRACE: TraceId = TraceId([1; 16]);

/// A span, or a log beside one.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub kind: Kind,
    pub number: u8,
    pub parent: Option<u8>,
    pub id: Option<&'static str>,
    pub hint: Option<Hint>,
    pub at_ms: i64,
    /// Of a log: whether it tells of an error alone.
    pub is_error: bool,
}

pub fn genai(number: u8, parent: u8, id: &'static str, at_ms: i64) -> Record {
    Record {
        kind: Kind::GenAiSpan,
        number,
        parent: (parent != 0).then_some(parent),
        id: (!id.is_empty()).then_some(id),
        hint: None,
        at_ms,
        is_error: false,
    }
}

pub fn other(number: u8, parent: u8, at_ms: i64) -> Record {
    Record {
        kind: Kind::OtherSpan,
        ..genai(number, parent, "", at_ms)
    }
}

pub fn log(number: u8, at_ms: i64) -> Record {
    Record {
        kind: Kind::Log,
        ..genai(number, 0, "", at_ms)
    }
}

pub fn error(number: u8, at_ms: i64) -> Record {
    Record {
        is_error: true,
        ..log(number, at_ms)
    }
}

pub fn span_id(number: u8) -> SpanId {
    SpanId([number; 8])
}

fn key(number: u8) -> SpanKey {
    SpanKey {
        trace: TRACE,
        span: span_id(number),
    }
}

impl Record {
    fn report(&self) -> Report {
        Report {
            span: span_id(self.number),
            kind: self.kind,
            parent: self.parent.map(span_id),
            conversation: self.id.map(str::to_owned),
            hint: self.hint.clone(),
            record_ms: self.at_ms,
        }
    }

    fn prepared(&self) -> Option<Prepared> {
        match self.kind {
            Kind::GenAiSpan => Some(prepare::span(self.span(), self.at_ms, &NoPrices)),
            Kind::OtherSpan => None,
            Kind::Log => Some(prepare::log(self.log(), self.at_ms)),
        }
    }

    fn span(&self) -> Span {
        Span {
            key: key(self.number),
            parent: self.parent.map(span_id),
            project: "shop".into(),
            conversation_id: self.id.map(str::to_owned),
            hint: self.hint.clone(),
            is_genai: true,
            name: format!("span {}", self.number),
            operation: Operation::Chat,
            start_ns: i64::from(self.number),
            end_ns: i64::from(self.number) + 1,
            error: None,
            agent: None,
            request_model: None,
            response_model: None,
            provider: None,
            response_id: None,
            previous_response_id: None,
            finish_reason: None,
            tool: None,
            usage: None,
            reported_cost: None,
            content: Content::default(),
            is_unread: false,
            original_input_messages: None,
            compacted: false,
            user: User::default(),
            environment: None,
            instrumentation: "test".into(),
            attributes: Default::default(),
            resource: Default::default(),
        }
    }

    fn log(&self) -> SpanLog {
        SpanLog {
            key: key(self.number),
            project: "shop".into(),
            conversation_id: self.id.map(str::to_owned),
            time_ns: 1,
            index: 0,
            is_complete: false,
            content: Content::default(),
            finish_reason: None,
            error: self.is_error.then(SpanError::default),
            user: User::default(),
        }
    }
}

/// What is stored, and what may be lost of it.
#[derive(Clone, Debug, Default)]
pub struct World {
    entries: Vec<TraceEntry>,
    conversations: BTreeMap<String, Conversation>,
    times: Times,
    /// Spans that count as having no conversation.
    counted: BTreeSet<u8>,
}

/// What stands in a conversation, by span: spans, and how many logs.
pub type Standing = BTreeMap<String, BTreeMap<u8, (bool, usize)>>;

impl World {
    pub fn with(times: Times) -> Self {
        Self {
            times,
            ..Self::default()
        }
    }

    /// The spans that count as having no conversation.
    pub fn counted(&self) -> &BTreeSet<u8> {
        &self.counted
    }

    /// When the trace is to be visited next.
    pub fn due_ms(&self, visited_ms: i64) -> Option<i64> {
        let trace = self.trace();
        trace.due_ms(&trace.held_spans(), visited_ms, None)
    }

    /// One process reads records in one go.
    pub fn read(&mut self, records: &[Record]) {
        let limits = Limits::default();
        let mut trace = self.trace();
        let batch = Batch {
            reports: records.iter().map(Record::report).collect(),
            facts: records
                .iter()
                .filter(|record| record.id.is_none())
                .filter_map(Record::prepared)
                .collect(),
        };
        let taken = trace.take_in(&batch, &limits);
        self.carry_out(&trace, taken);
        for record in records.iter().filter(|record| record.id.is_some()) {
            let effect = Effect {
                conversation: record.id.unwrap_or_default().to_owned(),
                facts: record.prepared().into_iter().collect(),
                links: trace.links_above(span_id(record.number)),
                ..Effect::default()
            };
            self.tell(effect);
        }
    }

    pub fn settle(&mut self, now_ms: i64, without_id: WithoutId) {
        let mut trace = self.trace();
        let taken = trace.settle(now_ms, without_id);
        self.carry_out(&trace, taken);
    }

    fn carry_out(&mut self, trace: &Trace, taken: Taken) {
        if !taken.entry.is_empty() {
            // As it comes back from where it was stored.
            let text = serde_json::to_string(&taken.entry).expect("entries serialise");
            self.entries
                .push(serde_json::from_str(&text).expect("entries deserialise"));
        }
        for span in &taken.found {
            assert!(self.counted.remove(&span.0[0]), "{span:?} was not counted");
        }
        for span in &taken.lost {
            assert!(self.counted.insert(span.0[0]), "{span:?} is counted twice");
        }
        for effect in trace.effects(&taken.touched) {
            self.tell(effect);
        }
        for (conversation, link) in trace.links(&taken.linked) {
            self.tell(Effect {
                conversation,
                links: vec![link],
                ..Effect::default()
            });
        }
    }

    fn tell(&mut self, effect: Effect) {
        let conversation = self.conversations.entry(effect.conversation).or_default();
        let limits = Limits::default();
        let mut entry = conversation.entry_for(&effect.facts, &effect.links, &limits);
        let moved: Vec<_> = effect.moved.into_iter().collect();
        entry.moves = conversation.moves_that_are_news(&moved, &entry, &limits);
        conversation.apply(entry);
    }

    pub fn trace(&self) -> Trace {
        let mut trace = Trace::new(TRACE, self.times);
        self.entries
            .iter()
            .cloned()
            .for_each(|entry| trace.apply(entry));
        trace
    }

    /// A conversation loses all that it was told.
    pub fn lose(&mut self, conversation: &str) {
        self.conversations.remove(conversation);
    }

    /// What stands where, as it is known now.
    pub fn now(&self) -> Standing {
        self.standing(|conversation| conversation.present().into_owned())
    }

    /// What stood where at a time, as it is known now.
    pub fn at(&self, at_ms: i64) -> Standing {
        self.standing(|conversation| {
            conversation.closed_over(&Closed {
                revision: 1,
                last_ms: at_ms,
                closed_at_ms: at_ms + 1,
            })
        })
    }

    fn standing(&self, of: impl Fn(&Conversation) -> Conversation) -> Standing {
        let mut all = Standing::new();
        for (id, conversation) in &self.conversations {
            let shown = of(conversation);
            let numbers: BTreeSet<u8> = (0..=u8::MAX).collect();
            let stands: BTreeMap<u8, (bool, usize)> = numbers
                .into_iter()
                .map(|number| {
                    let span = shown.span(&key(number)).is_some();
                    (number, (span, shown.log_count(&key(number))))
                })
                .filter(|(_, stands)| *stands != (false, 0))
                .collect();
            if !stands.is_empty() {
                all.insert(id.clone(), stands);
            }
        }
        all
    }

    /// The spans between a span and its parent in a conversation.
    pub fn links(&self, conversation: &str) -> usize {
        self.conversations
            .get(conversation)
            .map_or(0, Conversation::link_count)
    }
}
