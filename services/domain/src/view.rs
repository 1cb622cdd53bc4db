//! What is shown of a conversation: the transcript and the summary, computed from its facts.

use crate::ids::{Digest, SpanKey};
use crate::message::{Message, Role};
use crate::span::{SpanError, User};
use crate::usage::{CallCost, Cost, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Both at one moment. A pure function of the set of facts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    pub transcript: Transcript,
    pub totals: Totals,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Transcript {
    /// In reading order: the main thread, each sub-agent thread after the message that opened it.
    pub messages: Vec<Arc<Utterance>>,
    /// Of the main thread, in order.
    pub turns: Vec<Turn>,
    pub system_prompts: Vec<SystemPrompt>,
    /// Reported by what called the conversation's spans, such as the request to the server, and of no span's failure.
    pub reported_errors: Vec<SpanError>,
}

/// What was said and done from a user's message to the next one. Messages of a user with no answer between begin one turn;
/// what was said before the first is of none.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Turn {
    /// From 1.
    pub number: u32,
    /// The user's message that began it.
    pub first_message: Digest,
    /// Start of the first call that carries that message.
    pub started_ns: i64,
    /// To the end of what came last; `None` while nothing followed.
    pub duration_ns: Option<i64>,
    /// Of all calls that were made meanwhile, those of sub-agents and of answers that were left among them.
    pub usage: Usage,
    pub cost: Cost,
    pub llm_calls: u32,
    /// Executions.
    pub tool_calls: u32,
    /// Calls and tools that failed.
    pub errors: u32,
}

/// One message of the transcript.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Utterance {
    /// The same spans give the same ids.
    pub id: Digest,
    /// Never [`Role::System`]; [`Role::Tool`] only for a result whose call is not known.
    pub role: Role,
    /// `None` when the instrumentation did not capture it.
    pub message: Option<Arc<Message>>,
    /// User: start of the first call that carries it. Assistant: end of the call that made it.
    pub timestamp_ns: i64,
    pub agent: Option<String>,
    pub model: Option<String>,
    pub finish_reason: Option<String>,
    pub duration_ns: Option<i64>,
    pub usage: Option<Usage>,
    pub cost: Option<CallCost>,
    pub error: Option<SpanError>,
    pub tool_calls: Vec<ToolUse>,
    /// 0 is the main thread.
    pub thread: u32,
    /// The tool call (its [`ToolUse::id`]) or agent span (16 hex characters) that opened the thread.
    pub thread_parent: Option<String>,
    /// A branch that the conversation did not continue.
    pub superseded: bool,
    /// It stands for messages that the model no longer saw: a summary that the client put in their place. Nobody said it.
    pub is_summary: bool,
    /// Assistant: how many earlier messages of its thread the model was not given. 0 where that is not known, as when
    /// the API keeps the history.
    pub unseen: u32,
    /// With `unseen`: the first message that the model was given (after a kept beginning: the first after the gap).
    pub context_start: Option<Digest>,
    /// False when the instrumentation did not capture the text. A failed call had none to capture.
    pub content_captured: bool,
    /// The spans behind it: the call that made it, or the first that carried it.
    pub spans: Vec<SpanKey>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolUse {
    /// Unique among all conversations: made of the message that asked and the position within, or of the span that ran. A
    /// producer's own id is not, for some count anew in each answer.
    pub id: String,
    /// The producer's id of the call.
    pub call_id: Option<String>,
    pub name: String,
    pub arguments: Option<Value>,
    pub result: Option<Value>,
    pub status: ToolStatus,
    pub error: Option<SpanError>,
    pub started_ns: Option<i64>,
    pub duration_ns: Option<i64>,
    pub span: Option<SpanKey>,
    /// Pending for ever: the conversation went on without its result.
    pub abandoned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolStatus {
    /// Called, and neither a result nor an ended span is known.
    Pending,
    Ok,
    Error,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SystemPrompt {
    pub text: String,
    pub agent: Option<String>,
    pub first_used_ns: i64,
    /// How many calls used it.
    pub calls: u32,
    /// How many texts were folded into this one: those that differ only in what changes at every call, such as a time.
    pub variants: u32,
}

/// Numbers and names of the whole conversation: what the list shows. Stored with the conversation at every commit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Of the earliest span.
    pub started_ns: i64,
    /// The latest end of a span.
    pub last_activity_ns: i64,
    /// Time in LLM calls, summed.
    pub generation_ns: i64,
    /// Text of the first user message, cut to [`PREVIEW_BYTES_MAX`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_input: Option<String>,
    /// Text of the latest assistant answer that has text, cut likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_output: Option<String>,
    pub llm_calls: u32,
    pub tool_calls: u32,
    pub errors: u32,
    pub tool_errors: u32,
    pub spans: u32,
    pub messages: u32,
    pub usage: Usage,
    pub cost: Cost,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_model: Vec<ModelTotals>,
    /// The lists are sorted and distinct, and bounded by [`NAMES_MAX`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// 32 hex characters each, in order of first use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trace_ids: Vec<String>,
    /// Of the earliest span that names any user.
    #[serde(skip_serializing_if = "User::is_empty")]
    pub user: User,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    pub inferred: bool,
    /// Spans and logs not kept because the conversation had reached its bound; as many as the bound allows are counted.
    pub omitted: u32,
    /// Spans that others name as their parent and that have not come: still running, lost, or sent elsewhere.
    pub missing_parents: u32,
    /// No span and no log stands here: all have moved elsewhere, or only what lies between spans has come. To readers there
    /// is no such conversation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_empty: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelTotals {
    pub model: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    pub llm_calls: u32,
    pub usage: Usage,
    pub cost: Cost,
}

pub const PREVIEW_BYTES_MAX: usize = 2_048;
pub const NAMES_MAX: usize = 256;

/// A difference between two transcripts of one conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Added(Arc<Utterance>),
    Updated(Arc<Utterance>),
    Removed(Arc<Utterance>),
}

/// The changes that lead from `old` to `new`: removals first, then additions and updates in reading order. A function
/// of the two transcripts alone, so that every gateway gives the same changes the same positions.
pub fn changes(old: &Transcript, new: &Transcript) -> Vec<Change> {
    let before: rustc_hash::FxHashMap<Digest, &Arc<Utterance>> = old
        .messages
        .iter()
        .map(|message| (message.id, message))
        .collect();
    let after: rustc_hash::FxHashSet<Digest> =
        new.messages.iter().map(|message| message.id).collect();
    let removed = old
        .messages
        .iter()
        .filter(|message| !after.contains(&message.id))
        .cloned()
        .map(Change::Removed);
    let present = new
        .messages
        .iter()
        .filter_map(|message| match before.get(&message.id) {
            None => Some(Change::Added(message.clone())),
            Some(known) if *known == message => None,
            Some(_) => Some(Change::Updated(message.clone())),
        });
    removed.chain(present).collect()
}
