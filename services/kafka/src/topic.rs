//! What topics hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Header of a record that names the project its spans belong to, as text. It is written by whoever let the client in, so
/// it wins over what the payload says.
pub const PROJECT_HEADER: &str = "project_id";

/// A topic of spans or logs, as `kafka.topics` lists them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopicConfig {
    /// As the brokers know it.
    pub name: String,
    pub encoding: Encoding,
    #[serde(default)]
    pub signal: Signal,
}

impl TopicConfig {
    pub fn new(name: impl Into<String>, encoding: Encoding, signal: Signal) -> Self {
        Self {
            name: name.into(),
            encoding,
            signal,
        }
    }
}

/// How the records of a topic are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// One `ExportTraceServiceRequest` or `ExportLogsServiceRequest` a record.
    OtlpProto,
    /// The same as OTLP/JSON.
    OtlpJson,
    /// Sentry's ingest-spans version 1: one span a record.
    SentrySpanJson,
}

impl Encoding {
    /// The name used in configuration, metrics and errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::OtlpProto => "otlp_proto",
            Self::OtlpJson => "otlp_json",
            Self::SentrySpanJson => "sentry_span_json",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the records of a topic hold. Protobuf does not say; JSON does, so there it is only a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    #[default]
    Spans,
    Logs,
}

/// Whether brokers take it as the name of a topic.
pub fn is_topic_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=249).contains(&name.len()) && name.chars().all(is_allowed) && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_has_the_same_name_everywhere() {
        for encoding in [
            Encoding::OtlpProto,
            Encoding::OtlpJson,
            Encoding::SentrySpanJson,
        ] {
            let configured = serde_json::to_value(encoding).expect("a value");
            assert_eq!(configured, encoding.to_string());
        }
    }

    #[test]
    fn names_are_those_that_brokers_take() {
        for name in ["otlp_spans", "spans.dlq", "ingest-spans", &"a".repeat(249)] {
            assert!(is_topic_name(name), "{name}");
        }
        for name in ["", ".", "..", "a b", "späne", &"a".repeat(250)] {
            assert!(!is_topic_name(name), "{name}");
        }
    }
}
