//! What placing goes by: of each span of a trace its parent and the id that it carries.

use crate::ids::SpanId;
use serde::{Deserialize, Serialize};

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum Kind {
    #[default]
    #[serde(rename = "g")]
    GenAiSpan,
    /// Serves as a link; belongs to a conversation only by its own id.
    #[serde(rename = "o")]
    OtherSpan,
    /// A log record beside a span. It has no parent of its own.
    #[serde(rename = "l")]
    Log,
}

/// What a span tells of its conversation without naming it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Hint {
    /// A span that is not GenAI (a request, a workflow, a turn of a voice agent) names the session of what is below it.
    #[serde(rename = "s")]
    Session(String),
    /// It carries the id of a response in place of a conversation's: all steps of its trace are one conversation.
    #[serde(rename = "r")]
    Response,
}

/// What one record tells of a span or of a log beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Of the span itself, or of the span that a log belongs to.
    #[serde(rename = "s")]
    pub span: SpanId,
    #[serde(rename = "d", default, skip_serializing_if = "is_default")]
    pub kind: Kind,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<SpanId>,
    /// The id that it carries.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// What tells the conversation of a span that carries no id, where nothing better does.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Hint>,
    /// Kafka record time in Unix milliseconds, of its copies the earliest.
    #[serde(rename = "t")]
    pub record_ms: i64,
}

impl Report {
    /// Whether both tell the same, whenever they were recorded.
    pub(super) fn is_copy_of(&self, other: &Self) -> bool {
        self.span == other.span
            && self.kind == other.kind
            && self.parent == other.parent
            && self.conversation == other.conversation
            && self.hint == other.hint
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
