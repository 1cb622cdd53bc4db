//! The executions of tools that spans tell of, each once.

use super::calls::{Scope, ancestors};
use super::fragments::{Event, event_of};
use super::reports::Twins;
use crate::conversation::{ANCESTORS_MAX, Conversation};
use crate::facts::{SpanFact, ToolFact};
use crate::ids::{Digest, SpanKey};
use crate::span::{Operation, Outcome, SpanError};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use std::sync::Arc;

/// An execution, and in whose context it ran.
pub(super) struct Run<'a> {
    pub(super) span: &'a Arc<SpanFact>,
    pub(super) scope: Scope,
    /// Spans that tell of the same execution: a protocol's client and server within it, a second instrumentation's.
    pub(super) inner: Vec<&'a Arc<SpanFact>>,
}

impl Run<'_> {
    pub(super) fn tool(&self) -> &ToolFact {
        tool_of(self.span)
    }

    /// The value that the span tells, else one within it.
    fn value(
        &self,
        conversation: &Conversation,
        pick: impl Fn(&ToolFact) -> Option<Digest>,
    ) -> Option<Value> {
        let mut spans = std::iter::once(&self.span).chain(&self.inner);
        let digest = spans.find_map(|span| pick(tool_of(span)))?;
        conversation.value(&digest).map(|value| (**value).clone())
    }

    pub(super) fn arguments(&self, conversation: &Conversation) -> Option<Value> {
        self.value(conversation, |tool| tool.arguments)
    }

    pub(super) fn result(&self, conversation: &Conversation) -> Option<Value> {
        self.value(conversation, |tool| tool.result)
    }

    /// Its own error; else that of a span within it that no later one made good, as a client does that tries again.
    pub(super) fn error(&self) -> Option<SpanError> {
        let failed = |span: &SpanFact| {
            let told = (tool_of(span).outcome == Outcome::Failed).then(|| SpanError {
                kind: Some(TOOL_ERROR.to_owned()),
                message: None,
                ..SpanError::default()
            });
            span.error.clone().or(told)
        };
        failed(self.span).or_else(|| {
            let errors = self
                .inner
                .iter()
                .filter_map(|span| Some((span, failed(span)?)));
            let is_made_good = |at: &SpanFact| {
                let mut later = self.inner.iter().filter(|span| is_mcp_call(span));
                later.any(|span| span.start_ns >= at.end_ns && failed(span).is_none())
            };
            let mut last = errors.filter(|(span, _)| !is_made_good(span));
            last.next().map(|(_, error)| error)
        })
    }

    pub(super) fn is_paused(&self) -> bool {
        self.tool().outcome == Outcome::Paused
    }
}

/// The type of the error that a result tells of (OpenTelemetry's convention for MCP).
pub(super) const TOOL_ERROR: &str = "tool_error";

pub(super) fn tool_of(span: &SpanFact) -> &ToolFact {
    const NONE: &ToolFact = &ToolFact {
        name: String::new(),
        call_id: None,
        arguments: None,
        result: None,
        outcome: Outcome::Done,
    };
    span.tool.as_ref().unwrap_or(NONE)
}

/// The tool spans in start order, each execution once: a span within another of the same tool, or of the protocol that it is
/// called by, tells of the same execution, unless the outer one runs a sub-agent that calls the tool again.
pub(super) fn runs<'a>(
    conversation: &'a Conversation,
    twins: &Twins,
    scopes: &FxHashSet<Scope>,
) -> Vec<Run<'a>> {
    let mut outer_of: FxHashMap<SpanKey, SpanKey> = FxHashMap::default();
    let spans = conversation.spans_in_order();
    for span in &spans {
        if span.operation != Operation::ExecuteTool && !is_mcp_call(span) {
            continue;
        }
        let outer = ancestors(conversation, span)
            .take_while(|ancestor| !ancestor.operation.is_llm())
            .find(|ancestor| ancestor.operation == Operation::ExecuteTool);
        let is_agent = |outer: &SpanFact| scopes.contains(&Scope::Under(twins.first(outer.key)));
        if let Some(outer) = outer.filter(|outer| !is_agent(outer) && is_same(outer, span)) {
            outer_of.insert(span.key, outer.key);
        }
    }
    let mut runs: Vec<Run<'a>> = Vec::new();
    let mut by_key: FxHashMap<SpanKey, usize> = FxHashMap::default();
    let is_run = |span: &SpanFact| {
        span.operation == Operation::ExecuteTool
            && !twins.is_second(span.key)
            && !outer_of.contains_key(&span.key)
    };
    let mut by_event: FxHashMap<Event<'_>, usize> = FxHashMap::default();
    for span in spans.iter().copied().filter(|span| is_run(span)) {
        if let Some(event) = event_of(span) {
            let next = runs.len();
            let first = *by_event.entry(event).or_insert(next);
            if first < next {
                by_key.insert(span.key, first);
                runs[first].inner.push(span);
                continue;
            }
        }
        by_key.insert(span.key, runs.len());
        runs.push(Run {
            span,
            scope: scope_of(conversation, twins, span, scopes),
            inner: Vec::new(),
        });
    }
    for span in spans {
        let up = std::iter::successors(outer_of.get(&span.key), |key| outer_of.get(key));
        let outermost = up.take(ANCESTORS_MAX).last();
        let run = outermost.and_then(|key| by_key.get(&twins.first(*key)));
        if let Some(run) = run {
            runs[*run].inner.push(span);
        }
    }
    runs
}

/// Whether a span within a tool's tells of the same execution.
fn is_same(outer: &SpanFact, inner: &SpanFact) -> bool {
    is_mcp_call(inner) || names_agree(&tool_of(outer).name, &tool_of(inner).name)
}

/// Whether a span is the call of a tool over MCP, of the client or the server.
pub(super) fn is_mcp_call(span: &SpanFact) -> bool {
    const METHOD: &str = "tools/call";
    let says = |name: &str| span.attributes.get(name).and_then(Value::as_str) == Some(METHOD);
    says("mcp.method.name") || says("rpc.method") || span.name.starts_with(METHOD)
}

/// Whether two names are one tool's: frameworks put the name of the server before it (`weather__get_forecast`), and OpenLLMetry
/// `.tool` after it.
pub(super) fn names_agree(a: &str, b: &str) -> bool {
    let (a, b) = (bare(a), bare(b));
    a == b || bare_tail(a) == b || a == bare_tail(b)
}

/// What [`names_agree`] names have in common.
pub(super) fn tail(name: &str) -> &str {
    bare_tail(bare(name))
}

fn bare(name: &str) -> &str {
    name.strip_suffix(".tool").unwrap_or(name)
}

fn bare_tail(name: &str) -> &str {
    let name = name.rsplit(['.', '/', ':']).next().unwrap_or(name);
    name.rsplit("__").next().unwrap_or(name)
}

pub(super) fn scope_of(
    conversation: &Conversation,
    twins: &Twins,
    span: &SpanFact,
    scopes: &FxHashSet<Scope>,
) -> Scope {
    ancestors(conversation, span)
        .map(|ancestor| Scope::Under(twins.first(ancestor.key)))
        .find(|scope| scopes.contains(scope))
        .unwrap_or(Scope::Main)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_has_one_name_with_and_without_its_server() {
        for (a, b) in [
            ("get_forecast", "weather__get_forecast"),
            ("mcp__weather__get_forecast", "get_forecast"),
            ("weather.get_forecast", "get_forecast"),
            ("weather/get_forecast", "get_forecast"),
            ("get_forecast.tool", "get_forecast"),
            ("get_forecast.tool", "weather__get_forecast"),
        ] {
            assert!(names_agree(a, b) && names_agree(b, a), "{a} {b}");
            assert_eq!(tail(a), tail(b));
        }
        for (a, b) in [
            ("get_weather", "weather"),
            ("a__find", "b__find"),
            ("a.find", "b.find"),
        ] {
            assert!(!names_agree(a, b), "{a} {b}");
        }
    }
}
