//! Spans that carry no conversation id: what tells where they stand comes late, proves what seemed to be so wrong, comes
//! when nobody waits for it any more, or never comes.
//!
//! The times lie well apart from those at which something is decided, so that what is right is known beforehand.

use crate::load::{Load, Shape, Timed};
use harness::otlp::{attribute, export, trace_records};
use harness::topics::Topics;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

/// Of record time: `processor.resolve.settle_ms` and so on. Short, so that all of it happens within the load.
pub(crate) const SETTLE_MS: u64 = 3_000;
pub(crate) const WAIT_MS: u64 = 8_000;
pub(crate) const HOLD_MS: u64 = 8_000;
/// Here a trace without any id is a conversation of its own.
pub(crate) const TRACED_PROJECT: &str = "traced";
/// Here its spans are counted and left out.
const BARE_PROJECT: &str = "bare";
const PROJECTS: [&str; 2] = ["shop", "travel"];
/// Uses the trace and span ids of others.
const BORROWER: &str = "borrower";
/// So long after a time at which something is decided, or before it, nobody can mistake the one for the other.
const CLEAR_MS: std::ops::Range<u64> = 1_500..2_500;
/// From the first record of a trace to its last one.
const LONGEST_MS: u64 = WAIT_MS + CLEAR_MS.end;
/// All traces without any id come within so much.
const FLOOD_MS: u64 = 1_500;
/// Of these, one in so many is of [`TRACED_PROJECT`].
const TRACED_SHARE: usize = 4;
const REPEATED_PERCENT: u8 = 30;
/// A repeat comes so soon that its span is still held.
const REPEAT_MS: u64 = 1_000;

/// All of a shape.
pub(crate) fn strays(topics: &Topics, name: &str, seed: u64, shape: Shape, begin_ms: u64) -> Load {
    let mut writer = Writer {
        random: fastrand::Rng::with_seed(seed),
        topics,
        name,
        begin_ms,
        load: Load::default(),
        timed: Vec::new(),
    };
    let flood_ms = writer.random.u64(..shape.duration_ms / 2);
    for number in 0..shape.bare {
        writer.bare(number, flood_ms);
    }
    for number in 0..shape.strays {
        let at_ms = writer.random.u64(..shape.duration_ms - LONGEST_MS);
        writer.stray(number, at_ms);
    }
    let Writer {
        mut load, timed, ..
    } = writer;
    load.take(timed, begin_ms);
    load
}

struct Writer<'a> {
    random: fastrand::Rng,
    topics: &'a Topics,
    name: &'a str,
    begin_ms: u64,
    load: Load,
    timed: Vec<Timed>,
}

/// The ids of one trace.
struct Trace {
    id: [u8; 16],
    root: [u8; 8],
}

impl Writer<'_> {
    /// A trace of which no span will ever tell where it belongs.
    fn bare(&mut self, number: usize, flood_ms: u64) {
        let is_traced = number.is_multiple_of(TRACED_SHARE);
        let project = if is_traced {
            TRACED_PROJECT
        } else {
            BARE_PROJECT
        };
        let trace = self.trace();
        let at_ms = flood_ms + self.random.u64(..FLOOD_MS);
        let call = self.call(&trace, at_ms, Some(trace.root));
        self.send(project, at_ms, call);
        if is_traced {
            self.expect(1, 1);
        }
    }

    fn stray(&mut self, number: usize, at_ms: u64) {
        let id = format!("{}-stray-{number:04}", self.name);
        let project = PROJECTS[number % PROJECTS.len()];
        let trace = self.trace();
        // One after the other, so that a load of any size has all of them.
        match number % 6 {
            0 => self.named_late(project, &trace, &id, at_ms),
            1 => self.named_late(TRACED_PROJECT, &trace, &id, at_ms),
            2 => self.named_too_late(project, &trace, &id, at_ms),
            3 => {
                let after_ms = HOLD_MS - self.random.u64(CLEAR_MS);
                self.proved_wrong(project, &trace, &id, (at_ms, after_ms));
            }
            4 => {
                let after_ms = HOLD_MS + self.random.u64(CLEAR_MS);
                self.proved_wrong(project, &trace, &id, (at_ms, after_ms));
            }
            _ => {
                let (forged, at) = (format!("{id}-forged"), self.agent(&trace, at_ms));
                self.send(BORROWER, at_ms, named(at, &forged));
                let call = self.call(&trace, at_ms, Some(trace.root));
                self.send(BORROWER, at_ms, call);
                self.expect(1, 2);
                self.named_late(project, &trace, &id, at_ms);
            }
        }
    }

    /// The root ends last and names the conversation when its children count as having none.
    fn named_late(&mut self, project: &str, trace: &Trace, id: &str, at_ms: u64) {
        self.children(project, trace, at_ms);
        let root_ms = at_ms + SETTLE_MS + self.random.u64(CLEAR_MS);
        let root = self.agent(trace, root_ms);
        self.send(project, root_ms, named(root, id));
        self.expect(1, 3);
    }

    /// The same when nobody waits for it any more.
    fn named_too_late(&mut self, project: &str, trace: &Trace, id: &str, at_ms: u64) {
        self.children(project, trace, at_ms);
        let root_ms = at_ms + WAIT_MS + self.random.u64(CLEAR_MS);
        let root = self.agent(trace, root_ms);
        self.send(project, root_ms, named(root, id));
        self.expect(1, 1);
    }

    /// A tool stands in the only conversation of its trace, until the span above it names another one. When that comes too
    /// late, it stays.
    fn proved_wrong(
        &mut self,
        project: &str,
        trace: &Trace,
        id: &str,
        (at_ms, after_ms): (u64, u64),
    ) {
        let call = self.call(trace, at_ms, None);
        self.send(project, at_ms, named(call, &format!("{id}-one")));
        let tool = self.tool(trace, at_ms);
        self.send(project, at_ms, tool);
        let root = self.agent(trace, at_ms + after_ms);
        self.send(project, at_ms + after_ms, named(root, &format!("{id}-two")));
        self.expect(2, 3);
    }

    fn children(&mut self, project: &str, trace: &Trace, at_ms: u64) {
        let call = self.call(trace, at_ms, Some(trace.root));
        self.send(project, at_ms, call);
        let tool = self.tool(trace, at_ms);
        self.send(project, at_ms, tool);
    }

    fn expect(&mut self, conversations: usize, spans: usize) {
        self.load.expected_conversations += conversations;
        self.load.expected_spans += spans;
    }

    fn trace(&mut self) -> Trace {
        // No id is all zero.
        let mut trace = Trace {
            id: [1; 16],
            root: [1; 8],
        };
        trace.id[1..].fill_with(|| self.random.u8(..));
        trace.root[1..].fill_with(|| self.random.u8(..));
        trace
    }

    fn span(&mut self, trace: &Trace, at_ms: u64, attributes: Vec<(&str, Value)>) -> Span {
        let mut span_id = [2; 8];
        span_id[1..].fill_with(|| self.random.u8(..));
        let start_time_unix_nano = (self.begin_ms + at_ms) * 1_000_000;
        Span {
            trace_id: trace.id.to_vec(),
            span_id: span_id.to_vec(),
            parent_span_id: trace.root.to_vec(),
            name: "step".to_owned(),
            start_time_unix_nano,
            end_time_unix_nano: start_time_unix_nano + 1_000_000,
            attributes: attributes
                .into_iter()
                .map(|(key, value)| attribute(key, value))
                .collect(),
            ..Span::default()
        }
    }

    fn call(&mut self, trace: &Trace, at_ms: u64, parent: Option<[u8; 8]>) -> Span {
        let number = self.random.u32(..);
        let said = |role: &str, text: &str| {
            let parts = json!([{"type": "text", "content": text}]);
            json!([{"role": role, "parts": parts}]).to_string()
        };
        let attributes = vec![
            ("gen_ai.operation.name", json!("chat")),
            ("gen_ai.provider.name", json!("openai")),
            ("gen_ai.request.model", json!("gpt-4o-mini")),
            (
                "gen_ai.input.messages",
                json!(said("user", &format!("What is {number}?"))),
            ),
            (
                "gen_ai.output.messages",
                json!(said("assistant", "A number.")),
            ),
        ];
        Span {
            parent_span_id: parent.map_or(Vec::new(), |parent| parent.to_vec()),
            ..self.span(trace, at_ms, attributes)
        }
    }

    fn tool(&mut self, trace: &Trace, at_ms: u64) -> Span {
        let attributes = vec![
            ("gen_ai.operation.name", json!("execute_tool")),
            ("gen_ai.tool.name", json!("look_up")),
            ("gen_ai.tool.call.result", json!("found")),
        ];
        self.span(trace, at_ms, attributes)
    }

    /// The root of the trace.
    fn agent(&mut self, trace: &Trace, at_ms: u64) -> Span {
        let attributes = vec![("gen_ai.operation.name", json!("invoke_agent"))];
        Span {
            span_id: trace.root.to_vec(),
            parent_span_id: Vec::new(),
            ..self.span(trace, at_ms, attributes)
        }
    }

    /// In a record of its own, which comes twice now and then.
    fn send(&mut self, project: &str, at_ms: u64, span: Span) {
        for record in trace_records(&self.topics.spans, &export(project, vec![span])) {
            if self.random.u8(..100) < REPEATED_PERCENT {
                let mut again = record.clone();
                again.key = Some(self.random.u64(..).to_be_bytes().to_vec());
                let again_ms = at_ms + self.random.u64(..REPEAT_MS);
                self.timed.push((again_ms, again));
            }
            self.timed.push((at_ms, record));
        }
    }
}

fn named(mut span: Span, id: &str) -> Span {
    span.attributes
        .push(attribute(crate::load::CONVERSATION_ID, id));
    span
}
