//! Every bound on what one span or one conversation may hold, each with its reason.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Longest text of one message part, tool argument or tool result; beyond it the text is cut with a mark. Models
    /// with contexts of a million tokens take some 4 MB; a single part of more than this is a file, not speech.
    pub part_bytes_max: usize,
    /// Longest attribute value that is not message content.
    pub attribute_bytes_max: usize,
    /// Attributes kept of one span. SDKs send 128 unless told otherwise.
    pub attributes_max: usize,
    /// Messages of one history; the newest are kept.
    pub history_messages_max: usize,
    /// Longest name of a span, agent, tool, model, user or error type.
    pub name_bytes_max: usize,
    /// A span that starts later than its record by more than this has a wrong clock: it counts as of its record.
    pub future_tolerance_ms: i64,
    /// Spans and log facts of one conversation. Beyond it further ones are counted, up to this number again, not kept.
    pub conversation_facts_max: usize,
    /// Bytes of message and attribute bodies of one conversation. One trace holds no more of spans without an id.
    pub conversation_bytes_max: usize,
    /// Spans of one trace that are known as others' parents. Later ones of such a trace are not.
    pub trace_spans_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            part_bytes_max: 256 * 1024,
            attribute_bytes_max: 16 * 1024,
            attributes_max: 512,
            history_messages_max: 10_000,
            name_bytes_max: 512,
            future_tolerance_ms: 24 * 3600 * 1000,
            conversation_facts_max: 50_000,
            conversation_bytes_max: 64 * 1024 * 1024,
            trace_spans_max: 20_000,
        }
    }
}
