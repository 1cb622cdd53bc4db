//! What is stored: facts about a conversation, appended entry by entry and never rewritten.
//!
//! A conversation in the store is a log of [`Entry`]s. Reading it from the start and applying each entry gives the
//! [`crate::conversation::Conversation`]; everything shown (transcript, totals) is computed from that. Bodies are named
//! by their digest and stand in the log once, however often histories repeat them. Histories are chains of [`Node`]s:
//! a span refers to the tip of its history, and histories that share a beginning share the nodes of that beginning.

use crate::ids::{Digest, SpanId, SpanKey};
use crate::message::{Message, Part};
use crate::raw::Attributes;
use crate::span::{Operation, Outcome, SpanError, User};
use crate::trace::Rank;
use crate::usage::{CallCost, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The facts that one commit adds. Within the log, an entry's position is its version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    #[serde(rename = "b", skip_serializing_if = "Vec::is_empty")]
    pub bodies: Vec<(Digest, Body)>,
    #[serde(rename = "n", skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Node>,
    #[serde(rename = "s", skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<SpanFact>,
    #[serde(rename = "l", skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogFact>,
    #[serde(rename = "k", skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Names of the spans and logs that were not kept because the conversation had reached its bound: of a span by its
    /// key, so that a redelivery or a second report is not counted again.
    #[serde(rename = "x", skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<Digest>,
    /// The record times of those, in the same order and in Unix milliseconds. Entries of before they were kept have none.
    #[serde(rename = "xt", skip_serializing_if = "Vec::is_empty")]
    pub omitted_ms: Vec<i64>,
    /// Known spans and logs of which a copy was recorded earlier than any that was known.
    #[serde(rename = "t", skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<Earlier>,
    /// When spans without an id of their own stood here.
    #[serde(rename = "v", skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Move>,
}

impl Entry {
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
            && self.logs.is_empty()
            && self.links.is_empty()
            && self.omitted.is_empty()
            && self.times.is_empty()
            && self.moves.is_empty()
    }
}

/// When a span stood in a conversation, of its reports and logs that carry no id: another conversation may turn out to be
/// its own. Of two about one span that of the later rank counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    #[serde(rename = "k")]
    pub key: SpanKey,
    #[serde(rename = "r")]
    pub rank: Rank,
    /// From and until, in Kafka record time and Unix milliseconds, oldest first; the last may have no end. Empty when it
    /// never stood here, by what is known now.
    #[serde(rename = "d")]
    pub during: Vec<(i64, Option<i64>)>,
    /// Said to be sure, for a store that has gone back may know what is not so any more: that it is not here matters only
    /// where something of the span is known, that it is only where it is known to have moved.
    #[serde(skip)]
    pub is_precaution: bool,
}

impl Move {
    /// Whether it stands there now.
    pub fn is_here(&self) -> bool {
        self.during
            .last()
            .is_some_and(|(_, until_ms)| until_ms.is_none())
    }

    pub(crate) fn was_here(&self, at_ms: i64) -> bool {
        self.during.iter().any(|(from_ms, until_ms)| {
            *from_ms <= at_ms && until_ms.is_none_or(|until_ms| at_ms < until_ms)
        })
    }

    /// As of when a fact counts that was recorded at this time: when its span stood here, then or next. `None` when it did
    /// not any more. An earlier belief may have told it as of an earlier time.
    pub(crate) fn counted_ms(&self, record_ms: i64) -> Option<i64> {
        let ends_later =
            |until_ms: &Option<i64>| until_ms.is_none_or(|until_ms| until_ms > record_ms);
        let mut during = self.during.iter();
        let next = during.find(|(_, until_ms)| ends_later(until_ms));
        next.map(|(from_ms, _)| record_ms.max(*from_ms))
    }

    /// The times at which it went: what conversations show changes then.
    pub(crate) fn ends_ms(&self) -> impl Iterator<Item = i64> {
        self.during.iter().filter_map(|(_, until_ms)| *until_ms)
    }
}

/// When a known fact was recorded, now that an earlier copy of it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Of the span, or of the span that the log belongs to.
    #[serde(rename = "k")]
    pub key: SpanKey,
    /// Tells which report of the span, or which of its logs: the digest of the fact without its record time.
    #[serde(rename = "n")]
    pub name: Digest,
    /// Unix milliseconds.
    #[serde(rename = "t")]
    pub record_ms: i64,
}

/// A span that is not of the conversation but stands between two that are: an HTTP request, a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Link {
    #[serde(rename = "k")]
    pub key: SpanKey,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<SpanId>,
    /// Kafka record time of the span in Unix milliseconds; 0 when it is not known, which counts as before everything.
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    pub record_ms: i64,
}

/// A content named by its digest: a message, or a large value (attribute, tool arguments, resource).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    #[serde(rename = "m")]
    Message(Message),
    #[serde(rename = "v")]
    Value(Value),
}

impl Body {
    /// What it counts for towards the limit of a conversation's bytes.
    pub fn bytes(&self) -> usize {
        const OVERHEAD_BYTES: usize = 128;
        OVERHEAD_BYTES
            + match self {
                Self::Message(message) => message.parts.iter().map(part_bytes).sum(),
                Self::Value(value) => value_bytes(value),
            }
    }
}

fn part_bytes(part: &Part) -> usize {
    const OVERHEAD_BYTES: usize = 64;
    OVERHEAD_BYTES
        + match part {
            Part::Text { text } | Part::Reasoning { text } => text.len(),
            Part::ToolCall { arguments, .. } => value_bytes(arguments),
            Part::ToolResult { result, .. } => value_bytes(result),
            Part::Media { .. } => 0,
            Part::Other { json } => value_bytes(json),
        }
}

fn value_bytes(value: &Value) -> usize {
    const OVERHEAD_BYTES: usize = 32;
    OVERHEAD_BYTES
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(value_bytes).sum(),
            Value::Object(map) => map
                .iter()
                .map(|(key, item)| key.len() + value_bytes(item))
                .sum(),
            _ => 0,
        }
}

/// One message of a history under its predecessor. Its id is a function of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Node {
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Digest>,
    #[serde(rename = "m")]
    pub message: Digest,
}

impl Node {
    /// What it counts for towards the limit of a conversation's bytes.
    pub(crate) const BYTES: usize = 96;

    pub fn id(&self) -> Digest {
        match &self.parent {
            Some(parent) => Digest::of(&[&parent.0, &self.message.0]),
            None => Digest::of(&[&self.message.0]),
        }
    }
}

/// The content of a span by reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContentFact {
    /// Digests of system messages.
    #[serde(rename = "y", skip_serializing_if = "Vec::is_empty")]
    pub system: Vec<Digest>,
    /// The node of the newest message of the history.
    #[serde(rename = "h", skip_serializing_if = "Option::is_none")]
    pub history: Option<Digest>,
    /// Digests of the choices.
    #[serde(rename = "o", skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<Digest>,
}

impl ContentFact {
    pub fn is_empty(&self) -> bool {
        self.system.is_empty() && self.history.is_none() && self.output.is_empty()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolFact {
    #[serde(rename = "n")]
    pub name: String,
    #[serde(rename = "i", skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// Digest of a [`Body::Value`].
    #[serde(rename = "a", skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Digest>,
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    pub result: Option<Digest>,
    #[serde(rename = "o", skip_serializing_if = "is_default")]
    pub outcome: Outcome,
}

/// What a call cost, and how that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CostFact {
    /// Not a priced operation, or nothing was used.
    #[default]
    #[serde(rename = "n")]
    None,
    /// The producer said so.
    #[serde(rename = "r")]
    Reported(CallCost),
    /// By the price table at the time of the call.
    #[serde(rename = "p")]
    Priced(CallCost),
    /// Tokens were used, and the model has no known price.
    #[serde(rename = "u")]
    Unpriced,
}

impl CostFact {
    pub fn known(&self) -> Option<CallCost> {
        match self {
            Self::Reported(cost) | Self::Priced(cost) => Some(*cost),
            Self::None | Self::Unpriced => None,
        }
    }
}

impl LogFact {
    /// Whether it tells of a failure and of nothing said: alone it is no sign of a conversation.
    pub fn is_error_only(&self) -> bool {
        self.error.is_some() && self.content.is_empty()
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One span as stored: [`crate::span::Span`] with its bodies replaced by references. Field names are short because
/// they are stored with every span; absent fields take their default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpanFact {
    #[serde(rename = "k")]
    pub key: SpanKey,
    #[serde(rename = "p", default, skip_serializing_if = "is_default")]
    pub parent: Option<SpanId>,
    #[serde(rename = "g", default, skip_serializing_if = "is_default")]
    pub is_genai: bool,
    #[serde(rename = "n", default, skip_serializing_if = "is_default")]
    pub name: String,
    #[serde(rename = "op", default, skip_serializing_if = "is_default")]
    pub operation: Operation,
    #[serde(rename = "b", default, skip_serializing_if = "is_default")]
    pub start_ns: i64,
    #[serde(rename = "e", default, skip_serializing_if = "is_default")]
    pub end_ns: i64,
    #[serde(rename = "er", default, skip_serializing_if = "is_default")]
    pub error: Option<SpanError>,
    #[serde(rename = "ag", default, skip_serializing_if = "is_default")]
    pub agent: Option<String>,
    #[serde(rename = "rq", default, skip_serializing_if = "is_default")]
    pub request_model: Option<String>,
    #[serde(rename = "rs", default, skip_serializing_if = "is_default")]
    pub response_model: Option<String>,
    #[serde(rename = "pv", default, skip_serializing_if = "is_default")]
    pub provider: Option<String>,
    #[serde(rename = "ri", default, skip_serializing_if = "is_default")]
    pub response_id: Option<String>,
    #[serde(rename = "pr", default, skip_serializing_if = "is_default")]
    pub previous_response_id: Option<String>,
    #[serde(rename = "fr", default, skip_serializing_if = "is_default")]
    pub finish_reason: Option<String>,
    #[serde(rename = "to", default, skip_serializing_if = "is_default")]
    pub tool: Option<ToolFact>,
    #[serde(rename = "us", default, skip_serializing_if = "is_default")]
    pub usage: Option<Usage>,
    #[serde(rename = "co", default, skip_serializing_if = "is_default")]
    pub cost: CostFact,
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    pub content: ContentFact,
    /// Something that was said stands in attributes or events that no rule read.
    #[serde(rename = "ur", default, skip_serializing_if = "is_default")]
    pub is_unread: bool,
    #[serde(rename = "om", default, skip_serializing_if = "is_default")]
    pub original_input_messages: Option<u32>,
    #[serde(rename = "cp", default, skip_serializing_if = "is_default")]
    pub compacted: bool,
    #[serde(rename = "u", default, skip_serializing_if = "is_default")]
    pub user: User,
    #[serde(rename = "ev", default, skip_serializing_if = "is_default")]
    pub environment: Option<String>,
    #[serde(rename = "in", default, skip_serializing_if = "is_default")]
    pub instrumentation: String,
    /// Small attributes inline; a large value is replaced by `{"$body": digest}`.
    #[serde(rename = "a", default, skip_serializing_if = "is_default")]
    pub attributes: Attributes,
    /// Digest of a [`Body::Value`] with the resource attributes.
    #[serde(rename = "re", default, skip_serializing_if = "is_default")]
    pub resource: Option<Digest>,
    /// True when the conversation was not named by any span but inferred.
    #[serde(rename = "if", default, skip_serializing_if = "is_default")]
    pub inferred: bool,
    /// Whether the span carries no conversation id itself: then it may move.
    #[serde(rename = "d", default, skip_serializing_if = "is_default")]
    pub lacks_id: bool,
    /// Kafka record time in Unix milliseconds, of its copies the earliest; the time that windows go by.
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    pub record_ms: i64,
}

/// Message content or an error from a log record. The set of a span's log facts makes up its content when the span has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogFact {
    #[serde(rename = "k")]
    pub key: SpanKey,
    #[serde(rename = "b", default, skip_serializing_if = "is_default")]
    pub time_ns: i64,
    #[serde(rename = "i", default, skip_serializing_if = "is_default")]
    pub index: u32,
    #[serde(rename = "w", default, skip_serializing_if = "is_default")]
    pub is_complete: bool,
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    pub content: ContentFact,
    #[serde(rename = "fr", default, skip_serializing_if = "is_default")]
    pub finish_reason: Option<String>,
    #[serde(rename = "er", default, skip_serializing_if = "is_default")]
    pub error: Option<SpanError>,
    #[serde(rename = "u", default, skip_serializing_if = "is_default")]
    pub user: User,
    /// See [`SpanFact::lacks_id`].
    #[serde(rename = "d", default, skip_serializing_if = "is_default")]
    pub lacks_id: bool,
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    pub record_ms: i64,
}
