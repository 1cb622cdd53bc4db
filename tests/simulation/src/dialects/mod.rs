//! Telling a script as spans: the same calls in the words of several SDKs, each with its ways of being inexact.

mod openinference;
mod openllmetry;
mod otel_genai;
mod sentry;
mod vercel;

use crate::malice::{self, Shape};
use crate::script::{Agent, Feature, Memory, ModelCall, Script, ToolRun, ToolsTold};
use crate::tape::Tape;
use domain::ids::{SpanId, TraceId};
use domain::message::{Message, Part, Role};
use domain::raw::{Attributes, Origin, RawLog, RawSpan, RawStatus};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    OtelGenAi,
    /// The same with the content in log records.
    OtelGenAiEvents,
    OpenInference,
    OpenLlmetry,
    Vercel,
    Sentry,
}

/// What exporters send.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub spans: Vec<RawSpan>,
    pub logs: Vec<RawLog>,
}

/// One model call in the words of one SDK.
struct CallTold<'a> {
    system: &'a str,
    history: &'a [Message],
    answers: &'a [Message],
    usage: (u64, u64),
}

pub const CONVERSATION: &str = "c";
const START_NS: i64 = 1_790_000_000_000_000_000;
/// Short enough that the longest conversation ends before a span's wait for an id does.
const TICK_NS: i64 = 10_000_000;
/// Distinguishes the spans of the second system.
const SECOND: u64 = 1 << 40;

impl Dialect {
    pub const ALL: &[Self] = &[
        Self::OtelGenAi,
        Self::OtelGenAiEvents,
        Self::OpenInference,
        Self::OpenLlmetry,
        Self::Vercel,
        Self::Sentry,
    ];

    /// Systems that may tell of the same calls beside this one.
    pub fn others(self) -> &'static [Self] {
        match self {
            Self::Sentry => &[Self::OtelGenAi, Self::OpenInference, Self::Vercel],
            Self::OpenInference => &[Self::Sentry, Self::OtelGenAi],
            _ => &[Self::Sentry, Self::OpenInference],
        }
    }

    /// Whether its calls tell several choices apart from several parts of one answer.
    pub fn has_choices(self) -> bool {
        matches!(self, Self::OtelGenAi | Self::OtelGenAiEvents)
    }

    /// Whether its answers are messages, as many as there are.
    pub fn has_output_messages(self) -> bool {
        self.has_choices() || matches!(self, Self::OpenInference)
    }

    /// Whether its tool spans tell the id of the call that they run.
    pub fn tells_call_ids(self) -> bool {
        self != Self::OpenLlmetry
    }

    fn scope(self) -> &'static str {
        match self {
            Self::OtelGenAi | Self::OtelGenAiEvents => "opentelemetry.util.genai.handler",
            Self::OpenInference => "openinference.instrumentation.openai",
            Self::OpenLlmetry => "opentelemetry.instrumentation.openai.v1",
            Self::Vercel => "ai",
            Self::Sentry => "",
        }
    }

    pub fn id_attribute(self) -> &'static str {
        match self {
            Self::OtelGenAi | Self::OtelGenAiEvents | Self::Sentry => "gen_ai.conversation.id",
            Self::OpenInference => "session.id",
            Self::OpenLlmetry => "traceloop.association.properties.session_id",
            Self::Vercel => "ai.telemetry.metadata.sessionId",
        }
    }

    fn call(self, told: &CallTold<'_>) -> Value {
        match self {
            Self::OtelGenAi => otel_genai::call(told),
            Self::OtelGenAiEvents => otel_genai::call_without_content(told),
            Self::OpenInference => openinference::call(told),
            Self::OpenLlmetry => openllmetry::call(told),
            Self::Vercel => vercel::call(told),
            Self::Sentry => sentry::call(told),
        }
    }

    fn tool(self, run: &ToolRun, is_captured: bool) -> Value {
        let mut attributes = match self {
            Self::OtelGenAi | Self::OtelGenAiEvents => otel_genai::tool(run),
            Self::OpenInference => openinference::tool(run),
            Self::OpenLlmetry => openllmetry::tool(run),
            Self::Vercel => vercel::tool(run),
            Self::Sentry => sentry::tool(run),
        };
        if let (Value::Object(map), false) = (&mut attributes, is_captured) {
            const CONTENT: &[&str] = &["arguments", "result", "input", "output", "args", ".value"];
            map.retain(|key, _| !CONTENT.iter().any(|content| key.ends_with(content)));
        }
        attributes
    }

    fn agent(self, name: &str) -> Value {
        match self {
            Self::OtelGenAi | Self::OtelGenAiEvents => {
                json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name})
            }
            Self::OpenInference => json!({"openinference.span.kind": "AGENT", "agent.name": name}),
            Self::OpenLlmetry => {
                json!({"traceloop.span.kind": "agent", "traceloop.entity.name": name})
            }
            Self::Vercel => {
                json!({"ai.operationId": "ai.generateText", "ai.telemetry.functionId": name})
            }
            Self::Sentry => json!({"sentry.op": "gen_ai.invoke_agent", "gen_ai.agent.name": name}),
        }
    }
}

/// All spans and logs of the script, in order of time.
pub fn tell(script: &Script, tape: &mut Tape) -> Told {
    let mut told = Told::default();
    let first = Teller {
        script,
        dialect: script.manner.dialect,
        trace: TraceId([7; 16]),
        offset: 0,
        has_response_ids: script
            .manner
            .also
            .is_some_and(|second| second.has_response_ids),
    };
    first.calls(&mut told, tape);
    first.surroundings(&mut told);
    if let Some(second) = script.manner.also {
        let teller = Teller {
            dialect: second.dialect,
            trace: if second.own_trace {
                TraceId([9; 16])
            } else {
                first.trace
            },
            offset: SECOND,
            ..first
        };
        teller.calls(&mut told, tape);
        if second.own_trace {
            teller.surroundings(&mut told);
        }
    }
    malice::mutate(&mut told, script, tape);
    told.spans.sort_by_key(|span| span.start_ns);
    told
}

/// Tells a script in one dialect.
#[derive(Clone, Copy)]
struct Teller<'a> {
    script: &'a Script,
    dialect: Dialect,
    trace: TraceId,
    /// Added to span ids and, as nanoseconds, to times: a second report begins a little later and ends a little earlier.
    offset: u64,
    has_response_ids: bool,
}

impl Teller<'_> {
    fn calls(&self, told: &mut Told, tape: &mut Tape) {
        for call in &self.script.calls {
            self.call(call, told, tape);
        }
    }

    /// Tools and agents.
    fn surroundings(&self, told: &mut Told) {
        let manner = self.script.manner;
        if manner.tools != ToolsTold::MessagesOnly {
            for run in &self.script.runs {
                let told_run = self.told_run(run);
                let dialect = self.dialect_of(run.id);
                let attributes = dialect.tool(&told_run, manner.is_captured);
                let times = (run.at, run.ends_at);
                let span = self.span(run.id, run.parent, times, &run.name, attributes, false);
                told.spans
                    .push(if told_run.failed { failed(span) } else { span });
            }
        }
        for agent in &self.script.agents {
            if agent.parent == 0 && manner.roots_are_lost {
                continue;
            }
            told.spans.push(self.agent(agent));
        }
    }

    /// A protocol's server says within the result that the tool failed.
    fn told_run(&self, run: &ToolRun) -> ToolRun {
        let mut run = run.clone();
        if run.failed && self.script.has(Shape::ErrorsInResults) {
            let content = json!([{"type": "text", "text": run.result}]);
            run.result = json!({"content": content, "isError": true});
            run.failed = false;
        }
        run
    }

    /// The SDK that tells of a span.
    fn dialect_of(&self, id: u64) -> Dialect {
        const MIXED: &[Dialect] = &[
            Dialect::OtelGenAi,
            Dialect::OpenInference,
            Dialect::Sentry,
            Dialect::OtelGenAiEvents,
            Dialect::Vercel,
        ];
        let has_choices = self.script.features.contains(&Feature::Choices);
        if self.script.has(Shape::MixedDialects) && !has_choices {
            MIXED[(id % MIXED.len() as u64) as usize]
        } else {
            self.dialect
        }
    }

    /// What an outer framework says that its agent was asked and answered.
    fn words_of_agent(&self, agent: &Agent, attributes: &mut Value) {
        let calls = self.script.calls.iter();
        let own: Vec<&ModelCall> = calls.filter(|call| call.parent == agent.id).collect();
        let (Some(first), Some(last)) = (own.first(), own.last()) else {
            return;
        };
        attributes["gen_ai.operation.name"] = json!("invoke_agent");
        attributes["gen_ai.agent.name"] = json!(agent.name);
        otel_genai::words(&first.history, &last.answers, attributes);
    }

    fn agent(&self, agent: &Agent) -> RawSpan {
        let calls = self.script.calls.iter();
        let last = calls
            .filter(|call| call.parent == agent.id)
            .map(|call| call.ends_at)
            .max();
        let times = (agent.at, last.unwrap_or(agent.at) + 1);
        let dialect = self.dialect_of(agent.id);
        let mut attributes = dialect.agent(agent.name);
        if self.script.has(Shape::WordsOnAgents) {
            self.words_of_agent(agent, &mut attributes);
        }
        self.span(
            agent.id,
            agent.parent,
            times,
            agent.name,
            attributes,
            agent.parent == 0,
        )
    }

    fn call(&self, call: &ModelCall, told: &mut Told, tape: &mut Tape) {
        let system = format!(
            "You are a helpful assistant who answers briefly and never makes anything up. It is now {}.",
            if tape.chance(50) { call.at } else { 0 }
        );
        let history = self.echoed(&call.history, tape);
        let answers: Vec<Message> = call
            .answers
            .iter()
            .map(|answer| thought(answer, tape))
            .collect();
        // Where a history could be another branch's, nobody can tell a gap from a branch.
        let history = if self.script.has_branches() {
            history
        } else {
            malice::retold(history, &self.script.shapes, tape)
        };
        let dialect = self.dialect_of(call.id);
        let answers = if self.script.has(Shape::Pieces) && dialect.has_output_messages() {
            malice::pieces(answers)
        } else {
            answers
        };
        let is_captured = self.script.manner.is_captured;
        let words = CallTold {
            system: if is_captured { &system } else { "" },
            history: if is_captured { &history } else { &[] },
            answers: if is_captured { &answers } else { &[] },
            usage: call.usage,
        };
        let mut attributes = dialect.call(&words);
        if call.is_compacted {
            attributes["gen_ai.conversation.compacted"] = json!(true);
        }
        let keeps_state = self.script.manner.memory == Memory::ByResponseId;
        if self.script.has(Shape::ResponseIds) {
            let response = json!(format!("resp_{}", call.id));
            attributes["gen_ai.response.id"] = response.clone();
            attributes["gen_ai.conversation.id"] = response;
        }
        if (self.has_response_ids || keeps_state) && !call.answers.is_empty() {
            attributes["gen_ai.response.id"] = json!(format!("resp_{}", call.id));
        }
        if let Some(before) = call.continues {
            attributes["gen_ai.request.previous_response.id"] = json!(format!("resp_{before}"));
        }
        let is_within = self.script.has(Shape::Nested) && self.offset > 0;
        let parent = if is_within { call.id } else { call.parent };
        let span = self.span(
            call.id,
            parent,
            (call.at, call.ends_at),
            "chat",
            attributes,
            false,
        );
        if dialect == Dialect::OtelGenAiEvents && is_captured {
            told.logs.push(otel_genai::details(&span, &words));
        }
        told.spans.push(if call.answers.is_empty() {
            failed(span)
        } else {
            span
        });
    }

    /// SDKs do not echo answers exactly.
    fn echoed(&self, history: &[Message], tape: &mut Tape) -> Vec<Message> {
        const BRANCHES: &[Feature] = &[Feature::Regenerated, Feature::Edited, Feature::Choices];
        let has_branches = BRANCHES
            .iter()
            .any(|branch| self.script.features.contains(branch));
        let may_cut = self.script.manner.memory == Memory::Whole && !has_branches;
        let mut echo = history.to_vec();
        let answers = echo
            .iter_mut()
            .filter(|message| message.role == Role::Assistant);
        for part in answers.flat_map(|message| &mut message.parts) {
            match part {
                Part::Text { text } if tape.chance(5) => text.push_str("  "),
                Part::Text { text } if may_cut && tape.chance(3) => {
                    text.truncate(text.len() - 1);
                    text.push('…');
                }
                Part::ToolCall { arguments, .. } if tape.chance(10) => {
                    *arguments = json!(arguments.to_string());
                }
                _ => {}
            }
        }
        echo
    }

    fn span(
        &self,
        id: u64,
        parent: u64,
        (at, ends_at): (u64, u64),
        name: &str,
        mut attributes: Value,
        is_root: bool,
    ) -> RawSpan {
        if is_root || !self.script.manner.id_on_roots {
            attributes[self.dialect_of(id).id_attribute()] = json!(CONVERSATION);
        }
        let Value::Object(attributes) = attributes else {
            unreachable!("attributes are written as objects")
        };
        let resource: Attributes = [("service.name".to_owned(), json!("shop"))]
            .into_iter()
            .collect();
        let shift = i64::from(self.offset > 0) * 1_000;
        // Calls beside those of the first system hang below its agents; a trace of its own has its own.
        let parent_offset = if self.trace == TraceId([7; 16]) {
            0
        } else {
            self.offset
        };
        RawSpan {
            trace_id: self.trace,
            span_id: span_id(id + self.offset),
            parent_span_id: (parent != 0).then(|| span_id(parent + parent_offset)),
            name: name.to_owned(),
            start_ns: START_NS + at as i64 * TICK_NS + shift,
            end_ns: START_NS + ends_at as i64 * TICK_NS - shift,
            status: RawStatus::default(),
            attributes,
            events: Vec::new(),
            dropped_attributes: 0,
            origin: Arc::new(Origin {
                resource,
                scope_name: self.dialect_of(id).scope().to_owned(),
                ..Origin::default()
            }),
        }
    }
}

/// A model's thoughts come with its answer, and in no later history.
fn thought(answer: &Message, tape: &mut Tape) -> Message {
    let mut answer = answer.clone();
    if tape.chance(10) {
        let text = "Let me think.".to_owned();
        answer.parts.insert(0, Part::Reasoning { text });
    }
    answer
}

fn span_id(id: u64) -> SpanId {
    SpanId(id.to_be_bytes())
}

fn failed(span: RawSpan) -> RawSpan {
    failed_by(span, "RateLimitError", "slow down")
}

pub(crate) fn failed_by(mut span: RawSpan, error: &str, message: &str) -> RawSpan {
    span.status = RawStatus {
        is_error: true,
        message: format!("{error}: {message}"),
    };
    span.attributes.insert("error.type".into(), json!(error));
    span
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
        Role::Other => "other",
    }
}

/// A value as the text of it.
fn as_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A message as the OpenAI API writes it.
fn openai_message(message: &Message) -> Value {
    let mut written = json!({"role": role_name(message.role), "content": message.text()});
    let calls: Vec<Value> = message
        .tool_calls()
        .map(|(id, name, arguments)| {
            json!({"id": id, "type": "function", "function": {"name": name, "arguments": as_text(arguments)}})
        })
        .collect();
    if !calls.is_empty() {
        written["tool_calls"] = json!(calls);
    }
    if let Some((id, _, result)) = message.tool_results().next() {
        written["tool_call_id"] = json!(id);
        written["content"] = json!(as_text(result));
    }
    written
}
