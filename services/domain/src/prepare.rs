//! From normalised spans to facts: bodies are named by digest, histories become chains of nodes, calls get their price.
//!
//! This is where the work per byte happens (hashing), so it runs beside decoding, before any state is touched.

use crate::canonical;
use crate::facts::{Body, ContentFact, CostFact, LogFact, Node, SpanFact, ToolFact};
use crate::ids::{Digest, SpanKey};
use crate::message::Message;
use crate::raw::Attributes;
use crate::span::{Content, Span, SpanLog};
use crate::usage::Prices;
use serde_json::{Value, json};

/// Attribute values whose JSON is longer than this are stored as bodies, once per conversation. A reference costs some
/// 50 bytes, so shorter values are cheaper inline.
const INLINE_BYTES_MAX: usize = 200;

/// The key under which an attribute refers to a [`Body::Value`].
pub const BODY_REFERENCE: &str = "$body";

/// One span or log ready to be stored: its fact, and the bodies and nodes that the fact refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    pub fact: Fact,
    pub bodies: Vec<(Digest, Body)>,
    pub nodes: Vec<(Digest, Node)>,
}

impl Prepared {
    /// What its bodies and nodes take in memory, roughly.
    pub fn bytes(&self) -> usize {
        let bodies: usize = self.bodies.iter().map(|(_, body)| body.bytes()).sum();
        bodies + self.nodes.len() * Node::BYTES
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    Span(Box<SpanFact>),
    Log(Box<LogFact>),
}

impl Fact {
    /// Of the span, or of the span that the log belongs to.
    pub fn key(&self) -> SpanKey {
        match self {
            Self::Span(span) => span.key,
            Self::Log(log) => log.key,
        }
    }

    /// Kafka record time in Unix milliseconds.
    pub fn record_ms(&self) -> i64 {
        match self {
            Self::Span(span) => span.record_ms,
            Self::Log(log) => log.record_ms,
        }
    }
}

/// Makes a span's fact with the bodies and nodes that it refers to. `inferred` says that no span named the
/// conversation.
pub fn span(span: Span, record_ms: i64, prices: &dyn Prices) -> Prepared {
    let cost = cost_of(&span, prices);
    let lacks_id = span.conversation_id.is_none();
    let mut bodies = Bodies::default();
    let content = bodies.content(span.content);
    let tool = span.tool.map(|tool| ToolFact {
        name: tool.name,
        call_id: tool.call_id,
        arguments: tool.arguments.map(|value| bodies.value(value)),
        result: tool.result.map(|value| bodies.value(value)),
        outcome: tool.outcome,
    });
    let attributes = bodies.attributes(span.attributes);
    let resource = (!span.resource.is_empty()).then(|| bodies.value(Value::Object(span.resource)));
    let fact = SpanFact {
        key: span.key,
        parent: span.parent,
        is_genai: span.is_genai,
        name: span.name,
        operation: span.operation,
        start_ns: span.start_ns,
        end_ns: span.end_ns,
        error: span.error,
        agent: span.agent,
        request_model: span.request_model,
        response_model: span.response_model,
        provider: span.provider,
        response_id: span.response_id,
        previous_response_id: span.previous_response_id,
        finish_reason: span.finish_reason,
        tool,
        usage: span.usage.filter(|usage| !usage.is_empty()),
        cost,
        content,
        is_unread: span.is_unread,
        original_input_messages: span.original_input_messages,
        compacted: span.compacted,
        user: span.user,
        environment: span.environment,
        instrumentation: span.instrumentation,
        attributes,
        resource,
        inferred: false,
        lacks_id,
        record_ms,
    };
    bodies.into_prepared(Fact::Span(Box::new(fact)))
}

/// Likewise for content from a log record.
pub fn log(log: SpanLog, record_ms: i64) -> Prepared {
    let mut bodies = Bodies::default();
    let lacks_id = log.conversation_id.is_none();
    let fact = LogFact {
        key: log.key,
        time_ns: log.time_ns,
        index: log.index,
        is_complete: log.is_complete,
        content: bodies.content(log.content),
        finish_reason: log.finish_reason,
        error: log.error,
        user: log.user,
        lacks_id,
        record_ms,
    };
    bodies.into_prepared(Fact::Log(Box::new(fact)))
}

fn cost_of(span: &Span, prices: &dyn Prices) -> CostFact {
    if let Some(cost) = span.reported_cost {
        return CostFact::Reported(cost);
    }
    let Some(usage) = span
        .usage
        .filter(|usage| span.operation.is_llm() && !usage.is_empty())
    else {
        return CostFact::None;
    };
    [&span.response_model, &span.request_model]
        .into_iter()
        .flatten()
        .find_map(|model| prices.price(span.provider.as_deref(), model, &usage, span.start_ns))
        .map_or(CostFact::Unpriced, CostFact::Priced)
}

#[derive(Default)]
struct Bodies {
    bodies: Vec<(Digest, Body)>,
    nodes: Vec<(Digest, Node)>,
}

impl Bodies {
    fn into_prepared(self, fact: Fact) -> Prepared {
        Prepared {
            fact,
            bodies: self.bodies,
            nodes: self.nodes,
        }
    }

    fn message(&mut self, message: Message) -> Digest {
        let digest = message.digest();
        self.bodies.push((digest, Body::Message(message)));
        digest
    }

    fn value(&mut self, value: Value) -> Digest {
        let digest = canonical::digest_of(&value);
        self.bodies.push((digest, Body::Value(value)));
        digest
    }

    fn content(&mut self, content: Content) -> ContentFact {
        ContentFact {
            system: content
                .system
                .into_iter()
                .map(|message| self.message(message))
                .collect(),
            history: self.history(content.input),
            output: content
                .output
                .into_iter()
                .map(|message| self.message(message))
                .collect(),
        }
    }

    fn history(&mut self, messages: Vec<Message>) -> Option<Digest> {
        let mut tip = None;
        for message in messages {
            let node = Node {
                parent: tip,
                message: self.message(message),
            };
            let id = node.id();
            self.nodes.push((id, node));
            tip = Some(id);
        }
        tip
    }

    fn attributes(&mut self, attributes: Attributes) -> Attributes {
        attributes
            .into_iter()
            .map(|(key, value)| {
                let is_large = match &value {
                    Value::String(text) => text.len() > INLINE_BYTES_MAX,
                    Value::Array(_) | Value::Object(_) => {
                        value.to_string().len() > INLINE_BYTES_MAX
                    }
                    _ => false,
                };
                if is_large {
                    let digest = self.value(value);
                    (key, json!({ BODY_REFERENCE: digest }))
                } else {
                    (key, value)
                }
            })
            .collect()
    }
}
