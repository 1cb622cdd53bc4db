//! Conversations as an application would report them: spans after OpenTelemetry's GenAI conventions, each model call
//! with the whole history, children ending before their parents.

use crate::otlp::attribute;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use serde_json::{Value, json};

const MS: u64 = 1_000_000;

/// One conversation and the moment it has reached. The same calls with the same seed give the same spans.
#[derive(Clone, Debug)]
pub struct Dialogue {
    pub project: String,
    pub id: String,
    pub agent: String,
    pub model: String,
    pub system: Option<String>,
    pub now_ns: u64,
    pub user: String,
    /// What the model thinks before its next output.
    pub reasoning: Option<String>,
    /// Whether spans hold what was said, and what tools were given and gave.
    pub captures_content: bool,
    history: Vec<Value>,
    random: fastrand::Rng,
    /// Of the turn under way.
    turn: Turn,
    /// Finished spans that nobody took yet, in the order they ended.
    ended: Vec<Span>,
}

#[derive(Clone, Debug, Default)]
struct Turn {
    trace_id: Vec<u8>,
    /// The agent span, which ends last.
    root_span_id: Vec<u8>,
    parent_span_id: Vec<u8>,
    root_parent: Vec<u8>,
    started_ns: u64,
    question: String,
}

impl Dialogue {
    pub fn new(project: &str, id: &str, seed: u64, start_ns: u64) -> Self {
        Self {
            project: project.to_owned(),
            id: id.to_owned(),
            agent: "assistant".to_owned(),
            model: "gpt-4o-mini".to_owned(),
            system: None,
            now_ns: start_ns,
            user: format!("user-{}", seed % 97),
            reasoning: None,
            captures_content: true,
            history: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            turn: Turn::default(),
            ended: Vec::new(),
        }
    }

    /// The agent that answers from here on, with its system prompt.
    pub fn agent(mut self, agent: &str, system: &str) -> Self {
        self.hand_over(agent, system);
        self
    }

    pub fn hand_over(&mut self, agent: &str, system: &str) -> &mut Self {
        agent.clone_into(&mut self.agent);
        self.system = Some(system.to_owned());
        self
    }

    /// What was said so far is not given to the model again, as where an API keeps the history.
    pub fn forget(&mut self) -> &mut Self {
        self.history.clear();
        self
    }

    /// Time in which nothing happens: someone reads or types.
    pub fn pause(&mut self, ms: u64) -> &mut Self {
        self.now_ns += ms * MS;
        self
    }

    /// The user says something: a new trace with an agent span begins.
    pub fn ask(&mut self, question: &str) -> &mut Self {
        self.history.push(text_message("user", question));
        self.begin(question);
        self
    }

    /// Runs the last question again, as a "regenerate" button does: the answer is thrown away.
    pub fn regenerate(&mut self) -> &mut Self {
        self.history.pop();
        let question = self.turn.question.clone();
        self.begin(&question);
        self
    }

    /// A model call that answers with text, and the end of the turn.
    pub fn answer(&mut self, text: &str, ms: u64) -> &mut Self {
        self.call(text_message("assistant", text), "stop", ms);
        self.end_turn(None)
    }

    /// A model call that asks for a tool, the tool's run, and its result in the history.
    pub fn use_tool(
        &mut self,
        name: &str,
        arguments: Value,
        result: Result<Value, &str>,
        ms: u64,
    ) -> &mut Self {
        let call_id = self.call_tool(name, arguments.clone(), 300);
        let span_id = self.bytes(8);
        self.end_tool(name, &call_id, span_id, arguments, result, ms)
    }

    /// The same, but the tool is an agent of its own: `conversation` goes on inside its span with an empty history.
    pub fn delegate(
        &mut self,
        tool: &str,
        agent: &str,
        system: &str,
        question: &str,
        conversation: impl FnOnce(&mut Self),
    ) -> &mut Self {
        let arguments = json!({ "question": question });
        let call_id = self.call_tool(tool, arguments.clone(), 300);
        let span_id = self.bytes(8);
        let (mut sub, started_ns) = (self.clone(), self.now_ns);
        sub.hand_over(agent, system);
        sub.history = vec![text_message("user", question)];
        sub.turn.root_parent = span_id.clone();
        sub.turn.root_span_id = sub.bytes(8);
        sub.turn.parent_span_id = sub.turn.root_span_id.clone();
        sub.turn.started_ns = sub.now_ns;
        conversation(&mut sub);
        let result = sub.history.last().and_then(text_of).unwrap_or_default();
        self.random = sub.random;
        self.ended = sub.ended;
        self.now_ns = started_ns;
        let ms = (sub.now_ns - started_ns) / MS;
        self.end_tool(tool, &call_id, span_id, arguments, Ok(json!(result)), ms)
    }

    /// A model call that the provider refuses, and the end of the turn.
    pub fn fail(&mut self, error_type: &str, message: &str, ms: u64) -> &mut Self {
        let (mut span, _) = self.chat_span(ms);
        span.attributes.push(attribute("error.type", error_type));
        fail_span(&mut span, error_type, message);
        self.ended.push(span);
        self.end_turn(Some((error_type, message)))
    }

    /// The spans that ended since the last call, in the order they ended.
    pub fn take(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.ended)
    }

    fn begin(&mut self, question: &str) {
        let root_span_id = self.bytes(8);
        self.turn = Turn {
            trace_id: self.bytes(16),
            parent_span_id: root_span_id.clone(),
            root_span_id,
            root_parent: Vec::new(),
            started_ns: self.now_ns,
            question: question.to_owned(),
        };
    }

    fn call_tool(&mut self, name: &str, arguments: Value, ms: u64) -> String {
        let call_id = format!("call_{}", crate::otlp::hex(&self.bytes(6)));
        let part =
            json!({"type": "tool_call", "id": call_id, "name": name, "arguments": arguments});
        self.call(
            json!({"role": "assistant", "parts": [part]}),
            "tool_calls",
            ms,
        );
        call_id
    }

    fn end_tool(
        &mut self,
        name: &str,
        call_id: &str,
        span_id: Vec<u8>,
        arguments: Value,
        result: Result<Value, &str>,
        ms: u64,
    ) -> &mut Self {
        let mut span = self.span(
            &format!("execute_tool {name}"),
            SpanKind::Internal,
            span_id,
            ms,
        );
        // As most SDKs do: the id is on agent and model spans, a tool's comes from its ancestors.
        span.attributes = vec![
            attribute("gen_ai.operation.name", "execute_tool"),
            attribute("gen_ai.tool.name", name),
            attribute("gen_ai.tool.call.id", call_id),
            attribute("gen_ai.tool.type", "function"),
        ];
        self.capture(
            &mut span,
            "gen_ai.tool.call.arguments",
            arguments.to_string(),
        );
        let response = match result {
            Ok(value) => {
                self.capture(&mut span, "gen_ai.tool.call.result", value.to_string());
                value
            }
            Err(message) => {
                span.attributes.push(attribute("error.type", "ToolError"));
                fail_span(&mut span, "ToolError", message);
                json!({ "error": message })
            }
        };
        self.ended.push(span);
        let part = json!({"type": "tool_call_response", "id": call_id, "response": response});
        self.history.push(json!({"role": "tool", "parts": [part]}));
        self
    }

    fn call(&mut self, output: Value, finish_reason: &str, ms: u64) {
        let response_id = format!("resp_{}", crate::otlp::hex(&self.bytes(8)));
        let (mut span, input_bytes) = self.chat_span(ms);
        let mut said = output.clone();
        said["finish_reason"] = json!(finish_reason);
        if let (Some(thought), Some(parts)) = (self.reasoning.take(), said["parts"].as_array_mut())
        {
            parts.insert(0, json!({"type": "reasoning", "content": thought}));
        }
        let said = json!([said]).to_string();
        span.attributes.extend([
            attribute("gen_ai.response.model", self.model.as_str()),
            attribute("gen_ai.response.id", response_id),
            attribute("gen_ai.response.finish_reasons", json!([finish_reason])),
            attribute("gen_ai.usage.input_tokens", tokens(input_bytes)),
            attribute("gen_ai.usage.output_tokens", tokens(said.len())),
        ]);
        self.capture(&mut span, "gen_ai.output.messages", said);
        self.ended.push(span);
        self.history.push(output);
    }

    /// A model call with everything but its answer, and how many bytes the model was given.
    fn chat_span(&mut self, ms: u64) -> (Span, usize) {
        let span_id = self.bytes(8);
        let name = format!("chat {}", self.model);
        let mut span = self.span(&name, SpanKind::Client, span_id, ms);
        let input = history_text(&self.history);
        let system = self.system.as_deref().unwrap_or_default();
        let input_bytes = input.len() + system.len();
        span.attributes = self.common_attributes("chat");
        span.attributes
            .extend([attribute("gen_ai.request.model", self.model.as_str())]);
        self.capture(&mut span, "gen_ai.input.messages", input);
        if !system.is_empty() {
            let instructions = json!([{"type": "text", "content": system}]);
            self.capture(
                &mut span,
                "gen_ai.system_instructions",
                instructions.to_string(),
            );
        }
        (span, input_bytes)
    }

    fn capture(&self, span: &mut Span, key: &str, content: String) {
        if self.captures_content {
            span.attributes.push(attribute(key, content));
        }
    }

    fn end_turn(&mut self, error: Option<(&str, &str)>) -> &mut Self {
        let turn = self.turn.clone();
        let mut span = Span {
            trace_id: turn.trace_id,
            span_id: turn.root_span_id,
            parent_span_id: turn.root_parent,
            name: format!("invoke_agent {}", self.agent),
            kind: SpanKind::Internal.into(),
            start_time_unix_nano: turn.started_ns,
            end_time_unix_nano: self.now_ns,
            attributes: self.common_attributes("invoke_agent"),
            ..Span::default()
        };
        if let Some((error_type, message)) = error {
            span.attributes.push(attribute("error.type", error_type));
            fail_span(&mut span, error_type, message);
        }
        self.ended.push(span);
        self
    }

    fn common_attributes(&self, operation: &str) -> Vec<KeyValue> {
        vec![
            attribute("gen_ai.operation.name", operation),
            attribute("gen_ai.provider.name", "openai"),
            attribute("gen_ai.conversation.id", self.id.as_str()),
            attribute("gen_ai.agent.name", self.agent.as_str()),
            attribute("user.id", self.user.as_str()),
        ]
    }

    /// A span of the turn that begins now and ends after `ms`, which is when it then is.
    fn span(&mut self, name: &str, kind: SpanKind, span_id: Vec<u8>, ms: u64) -> Span {
        let started_ns = self.now_ns;
        self.now_ns += ms * MS;
        Span {
            trace_id: self.turn.trace_id.clone(),
            span_id,
            parent_span_id: self.turn.parent_span_id.clone(),
            name: name.to_owned(),
            kind: kind.into(),
            start_time_unix_nano: started_ns,
            end_time_unix_nano: self.now_ns,
            ..Span::default()
        }
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        // The first byte is never 0, so no id is all zeros.
        let mut bytes: Vec<u8> = (0..count).map(|_| self.random.u8(..)).collect();
        bytes[0] |= 1;
        bytes
    }
}

fn text_message(role: &str, text: &str) -> Value {
    json!({"role": role, "parts": [{"type": "text", "content": text}]})
}

fn history_text(history: &[Value]) -> String {
    serde_json::to_string(history).expect("JSON values can be written")
}

fn text_of(message: &Value) -> Option<&str> {
    message["parts"][0]["content"].as_str()
}

fn fail_span(span: &mut Span, error_type: &str, message: &str) {
    span.status = Some(Status {
        code: StatusCode::Error.into(),
        message: message.to_owned(),
    });
    span.events.push(Event {
        name: "exception".to_owned(),
        time_unix_nano: span.end_time_unix_nano,
        attributes: vec![
            attribute("exception.type", error_type),
            attribute("exception.message", message),
        ],
        ..Event::default()
    });
}

/// About four characters a token, as English has.
fn tokens(bytes: usize) -> i64 {
    i64::try_from(bytes / 4 + 1).unwrap_or(i64::MAX)
}
