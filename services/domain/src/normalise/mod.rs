//! From what an SDK wrote to what it means: one file per dialect.

use crate::limits::Limits;
use crate::raw::{RawLog, RawSpan};
use crate::span::{Span, SpanLog};

/// How to read spans: what is configurable about it.
#[derive(Clone, Debug)]
pub struct Rules {
    pub limits: Limits,
    /// Resource attributes that name the project, first non-empty wins.
    pub project_attributes: Vec<String>,
    /// Further attribute names that may carry the conversation id, after the known ones.
    pub conversation_id_attributes: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            project_attributes: vec!["service.namespace".into(), "service.name".into()],
            conversation_id_attributes: Vec::new(),
        }
    }
}

/// Reads one span. Never fails: what cannot be understood stays among the attributes.
/// `record_ms` is the time of the Kafka record, which stands in for missing or absurd timestamps.
pub fn span(raw: RawSpan, record_ms: i64, rules: &Rules) -> Span {
    let _ = (raw, record_ms, rules);
    unimplemented!()
}

/// Reads one log record; `None` when it carries no message content.
pub fn log(raw: RawLog, record_ms: i64, rules: &Rules) -> Option<SpanLog> {
    let _ = (raw, record_ms, rules);
    unimplemented!()
}
