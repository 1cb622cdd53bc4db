//! The normalised span: what the rest of the system knows of a span, whichever SDK wrote it.

use crate::ids::{SpanId, SpanKey};
use crate::message::Message;
use crate::raw::Attributes;
use crate::trace::Hint;
use crate::usage::{CallCost, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Chat,
    Completion,
    Embeddings,
    ExecuteTool,
    InvokeAgent,
    CreateAgent,
    Handoff,
    Rerank,
    /// Chains, workflows, steps, retrieval, memory, and spans that are not GenAI at all.
    #[default]
    Other,
}

impl Operation {
    /// A call to a generating model, the only kind that counts for tokens and cost.
    pub fn is_llm(self) -> bool {
        matches!(self, Self::Chat | Self::Completion)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct SpanError {
    /// The last dotted segment of an exception name, a provider's code, or `_OTHER`.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether somebody caught it, where an error event tells.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub handled: Option<bool>,
    /// Of the error event that tells more, in the tool that took it.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
}

impl User {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How a tool ended, as its result or an exception of the framework tells: the span itself may have ended well.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum Outcome {
    #[default]
    #[serde(rename = "d")]
    Done,
    /// The result says that the tool failed (MCP's `isError`).
    #[serde(rename = "f")]
    Failed,
    /// It asks a human, and is run again when the answer is there.
    #[serde(rename = "p")]
    Paused,
}

/// What an execute-tool span says of its tool.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tool {
    pub name: String,
    pub call_id: Option<String>,
    /// Parsed where the SDK gave text that parses; `None` when not captured.
    pub arguments: Option<Value>,
    pub result: Option<Value>,
    pub outcome: Outcome,
}

/// The messages that a span, or the log records beside it, carried. Empty when content was not captured.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Content {
    pub system: Vec<Message>,
    /// The history the call was given, oldest first, without system messages.
    pub input: Vec<Message>,
    /// The choices the call answered with, one message each.
    pub output: Vec<Message>,
}

impl Content {
    pub fn is_empty(&self) -> bool {
        self.system.is_empty() && self.input.is_empty() && self.output.is_empty()
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    pub key: SpanKey,
    pub parent: Option<SpanId>,
    /// The scope of ownership.
    pub project: String,
    /// The id on this very span; most spans of most SDKs have none and inherit.
    pub conversation_id: Option<String>,
    /// What else tells its conversation, or that of spans below it.
    pub hint: Option<Hint>,
    /// Whether the span speaks of models, tools or agents. Others only serve as links between their relatives.
    pub is_genai: bool,
    pub name: String,
    pub operation: Operation,
    /// Unix nanoseconds, repaired: never 0, never before the start.
    pub start_ns: i64,
    pub end_ns: i64,
    pub error: Option<SpanError>,
    pub agent: Option<String>,
    pub request_model: Option<String>,
    pub response_model: Option<String>,
    pub provider: Option<String>,
    pub response_id: Option<String>,
    /// The stored response that this call continues (OpenAI's `previous_response_id`).
    pub previous_response_id: Option<String>,
    pub finish_reason: Option<String>,
    pub tool: Option<Tool>,
    pub usage: Option<Usage>,
    /// What the producer says the call cost.
    pub reported_cost: Option<CallCost>,
    pub content: Content,
    /// Something that was said stands in attributes or events that no rule read: an SDK that is not known here.
    pub is_unread: bool,
    /// How many messages the history had before the SDK cut it, when the SDK says so.
    pub original_input_messages: Option<u32>,
    /// `gen_ai.conversation.compacted`: the context was summarised before this call.
    pub compacted: bool,
    pub user: User,
    pub environment: Option<String>,
    /// Dialect and instrumentation scope, such as `openinference/openinference.instrumentation.openai`.
    pub instrumentation: String,
    /// Everything that did not become one of the fields `content` or `tool`.
    pub attributes: Attributes,
    /// The resource attributes, kept once per conversation.
    pub resource: Attributes,
}

/// Message content or an error that came in a log record; it belongs to the span with this key.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanLog {
    pub key: SpanKey,
    pub project: String,
    pub conversation_id: Option<String>,
    pub time_ns: i64,
    /// Position within its export.
    pub index: u32,
    /// True for a record that holds the whole content of its call, false for one message among several.
    pub is_complete: bool,
    pub content: Content,
    pub finish_reason: Option<String>,
    pub error: Option<SpanError>,
    pub user: User,
}
