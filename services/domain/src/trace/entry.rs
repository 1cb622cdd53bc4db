//! What is stored of a trace: a log of entries, each adding to what is known.

use super::report::Report;
use super::stays::Rule;
use crate::facts::Entry;
use crate::ids::SpanId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceEntry {
    #[serde(rename = "r", skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Report>,
    /// What was decided about spans that no id places.
    #[serde(rename = "g", skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<Given>,
    /// Conversations that were told otherwise of a span than what is known now, and are to be told again whenever it is.
    #[serde(rename = "m", skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<(SpanId, String)>,
    /// Spans and logs that carry no id, with their bodies.
    #[serde(rename = "f", skip_serializing_if = "Entry::is_empty")]
    pub facts: Entry,
}

impl TraceEntry {
    pub fn is_empty(&self) -> bool {
        self.reports.is_empty()
            && self.given.is_empty()
            && self.moved.is_empty()
            && self.facts.is_empty()
    }
}

impl TraceEntry {
    /// With what a later change adds, which brings no facts.
    pub(super) fn append(&mut self, later: Self) {
        self.reports.extend(later.reports);
        self.given.extend(later.given);
        self.moved.extend(later.moved);
        debug_assert!(later.facts.is_empty(), "only batches bring facts");
    }
}

/// A decision about a span that no id places. It yields to every id that turns up later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    #[serde(rename = "s")]
    pub span: SpanId,
    #[serde(rename = "c")]
    pub to: GivenTo,
    /// Record time in Unix milliseconds.
    #[serde(rename = "t")]
    pub at_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GivenTo {
    /// It is counted among the spans without a conversation.
    #[serde(rename = "n")]
    Nothing,
    /// The trace is a conversation.
    #[serde(rename = "t")]
    Trace(String),
    /// What was said tells.
    #[serde(rename = "h")]
    History(String),
    /// An id has turned up after all: it is counted no more.
    #[serde(rename = "i")]
    Id,
}

impl Given {
    /// The conversation that no id has named, and by which rule; `None` where none was given.
    pub fn conversation(&self) -> Option<(&str, Rule)> {
        match &self.to {
            GivenTo::Nothing | GivenTo::Id => None,
            GivenTo::Trace(id) => Some((id, Rule::Trace)),
            GivenTo::History(id) => Some((id, Rule::History)),
        }
    }
}
