//! One event told twice: by a framework's and a client's instrumentation, or to two tracing systems at once.

use super::calls::{Call, History, ancestors, fill};
use crate::conversation::Conversation;
use crate::facts::SpanFact;
use crate::ids::{Digest, SpanKey};
use crate::span::Operation;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// How many events before one are looked at for its other report. More do not run at once in one conversation.
const LOOK_BACK_MAX: usize = 64;

/// Joins the reports of each call. Expects and returns call order.
pub(super) fn merge(conversation: &Conversation, calls: Vec<Call>) -> Vec<Call> {
    let mut merged: Vec<Call> = Vec::with_capacity(calls.len());
    let mut by_response: FxHashMap<String, Vec<usize>> = FxHashMap::default();
    let mut is_mixed = false;
    for call in calls {
        is_mixed |= merged
            .last()
            .is_some_and(|before| before.span.instrumentation != call.span.instrumentation);
        let twin = exported_twice(conversation, &merged, &call).or_else(|| {
            is_mixed
                .then(|| twin_of(conversation, &merged, &by_response, &call))
                .flatten()
        });
        match twin {
            Some(index) => {
                let known = merged[index].clone();
                merged[index] = merge_pair(known, call);
            }
            None => {
                if let Some(response_id) = &call.span.response_id {
                    let reports = by_response.entry(response_id.clone()).or_default();
                    reports.push(merged.len());
                }
                merged.push(call);
            }
        }
    }
    merged.sort_by_key(Call::order);
    merged
}

/// How much the times of one event differ between two exports, which round them differently.
const EXPORTED_WITHIN_NS: i64 = 1_000_000;

/// Whether two spans of one instrumentation may be one event that went through two exporters under two ids.
fn is_one_export(a: &SpanFact, b: &SpanFact) -> bool {
    a.key.trace == b.key.trace
        && a.instrumentation == b.instrumentation
        && a.start_ns.abs_diff(b.start_ns) <= EXPORTED_WITHIN_NS as u64
        && a.end_ns.abs_diff(b.end_ns) <= EXPORTED_WITHIN_NS as u64
        && a.response_id == b.response_id
        && a.response_model == b.response_model
        && a.usage == b.usage
}

/// The call that this one is, exported again under another span id: with the same response, times and words. Without an id of
/// a response the times must be the same to the nanosecond, for calls side by side may answer alike.
fn exported_twice(conversation: &Conversation, merged: &[Call], call: &Call) -> Option<usize> {
    let near = merged.iter().enumerate().rev().take(LOOK_BACK_MAX);
    let mut near = near.take_while(|(_, known)| {
        known.span.start_ns >= call.span.start_ns.saturating_sub(EXPORTED_WITHIN_NS)
    });
    let is_exact = |known: &Call| {
        call.span.response_id.is_some()
            || (known.span.start_ns, known.span.end_ns) == (call.span.start_ns, call.span.end_ns)
                && call.span.end_ns > call.span.start_ns
    };
    let says_the_same = |known: &Call| {
        let (a, b) = (&known.content, &call.content);
        identities(conversation, &a.output) == identities(conversation, &b.output)
            && newest_input(conversation, known) == newest_input(conversation, call)
            && (a.is_captured() || call.span.response_id.is_some())
    };
    let twin = near.find(|(_, known)| {
        is_one_export(&known.span, &call.span) && is_exact(known) && says_the_same(known)
    });
    twin.map(|(index, _)| index)
}

/// The call among those before that this one reports again: with its response id, else with its words or its tokens. Of
/// several the one that started closest, for calls with equal words may run side by side.
fn twin_of(
    conversation: &Conversation,
    merged: &[Call],
    by_response: &FxHashMap<String, Vec<usize>>,
    call: &Call,
) -> Option<usize> {
    let may_be = |index: &usize| {
        let known = &merged[*index];
        overlap(&known.span, &call.span) && !share_instrumentation(known, call)
    };
    // Stub servers reuse response ids, so the id alone does not prove it.
    let response_id = call.span.response_id.as_ref();
    let with_id = response_id.and_then(|id| by_response.get(id));
    if let Some(index) = with_id.and_then(|indexes| indexes.iter().rev().copied().find(may_be)) {
        return Some(index);
    }
    let recent = merged.len().saturating_sub(LOOK_BACK_MAX)..merged.len();
    recent
        .filter(may_be)
        .filter(|index| tells_the_same(conversation, &merged[*index], call))
        .max_by_key(|index| merged[*index].order())
}

fn share_instrumentation(a: &Call, b: &Call) -> bool {
    a.all_spans().any(|one| {
        b.all_spans()
            .any(|other| one.instrumentation == other.instrumentation)
    })
}

fn overlap(a: &SpanFact, b: &SpanFact) -> bool {
    a.start_ns <= b.end_ns && b.start_ns <= a.end_ns
}

fn contains(a: &SpanFact, b: &SpanFact) -> bool {
    a.start_ns <= b.start_ns && b.end_ns <= a.end_ns
}

/// Whether two calls that overlap say the same, or, where one of them says nothing, used the same tokens.
fn tells_the_same(conversation: &Conversation, a: &Call, b: &Call) -> bool {
    if a.content.is_captured() && b.content.is_captured() {
        let failed = |call: &Call| call.span.error.is_some();
        let answers = |call: &Call| identities(conversation, &call.content.output);
        let has_answer = !a.content.output.is_empty() || (failed(a) && failed(b));
        return has_answer
            && answers(a) == answers(b)
            && newest_input(conversation, a) == newest_input(conversation, b);
    }
    let used = |call: &Call| {
        let usage = call.counted().usage?;
        Some((usage.input_tokens, usage.output_tokens)).filter(|(input, _)| *input > 0)
    };
    let nested = contains(&a.span, &b.span) || contains(&b.span, &a.span);
    nested && (used(a).is_some() && used(a) == used(b) || fails_the_same(a, b))
}

/// Whether two calls are a client's and an instrumentation's report of one that failed, as Anthropic's client tells beside
/// OpenLLMetry: nothing was used, nothing answered, and each has its own spelling of the error (`rate_limit_error`,
/// `RateLimitError`).
fn fails_the_same(a: &Call, b: &Call) -> bool {
    let kind = |call: &Call| {
        let kind = call.span.error.as_ref()?.kind.as_deref()?;
        let letters = kind.chars().filter(char::is_ascii_alphanumeric);
        let kind: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
        let short = kind.strip_suffix("exception");
        let short = short.or_else(|| kind.strip_suffix("error"));
        Some(short.unwrap_or(&kind).to_owned())
    };
    let is_same = |one: Option<&String>, other: Option<&String>| match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    let (one, other) = (&a.span, &b.span);
    one.key.trace == other.key.trace
        && one.parent == other.parent
        && kind(a).is_some()
        && kind(a) == kind(b)
        && a.content.output.is_empty()
        && b.content.output.is_empty()
        && is_same(a.model(), b.model())
}

fn identities(conversation: &Conversation, digests: &[Digest]) -> Vec<Option<Digest>> {
    digests
        .iter()
        .map(|digest| identity(conversation, digest))
        .collect()
}

fn identity(conversation: &Conversation, digest: &Digest) -> Option<Digest> {
    conversation
        .messages
        .get(digest)
        .map(|stored| stored.identity)
}

fn newest_input(conversation: &Conversation, call: &Call) -> Option<Digest> {
    let newest = match &call.content.history {
        History::None => None,
        History::Tip(tip) => conversation.nodes.get(tip).map(|node| node.message),
        History::List(digests) => digests.last().copied(),
    };
    identity(conversation, &newest?)
}

/// The report that tells more is kept as the call: its words, all of its history, its tokens; then the one that began first.
fn merge_pair(a: Call, b: Call) -> Call {
    let rank = |call: &Call| {
        (
            call.content.is_captured(),
            call.span.original_input_messages.is_none(),
            call.span.usage.is_some(),
            std::cmp::Reverse(call.order()),
        )
    };
    let (mut kept, other) = if rank(&a) >= rank(&b) { (a, b) } else { (b, a) };
    fill(&mut kept.content, other.content);
    kept.agent = kept.agent.or(other.agent);
    kept.duplicates.push(other.span);
    kept.duplicates.extend(other.duplicates);
    kept
}

/// Second reports of tool runs and agents that are not nested in the first, each with the report that stands for both.
#[derive(Debug, Default)]
pub(crate) struct Twins(FxHashMap<SpanKey, SpanKey>);

impl Twins {
    pub(crate) fn of(conversation: &Conversation) -> Self {
        let mut twins = Self::default();
        let mut taken: FxHashSet<SpanKey> = FxHashSet::default();
        let mut before: Vec<&Arc<SpanFact>> = Vec::new();
        for span in conversation.spans_in_order() {
            if !matches!(
                span.operation,
                Operation::ExecuteTool | Operation::InvokeAgent
            ) {
                continue;
            }
            let recent = before.iter().rev().take(LOOK_BACK_MAX);
            let twin = recent.copied().find(|known| {
                is_same_event(known, span)
                    && !taken.contains(&known.key)
                    && !ancestors(conversation, span).any(|ancestor| ancestor.key == known.key)
            });
            match twin {
                Some(known) => {
                    taken.insert(known.key);
                    twins.0.insert(span.key, known.key);
                }
                None => before.push(span),
            }
        }
        twins
    }

    /// The span that stands for this one: itself, unless it is a second report.
    pub(crate) fn first(&self, key: SpanKey) -> SpanKey {
        self.0.get(&key).copied().unwrap_or(key)
    }

    pub(crate) fn is_second(&self, key: SpanKey) -> bool {
        self.0.contains_key(&key)
    }
}

fn is_same_event(a: &SpanFact, b: &SpanFact) -> bool {
    let same_name = match (a.operation, b.operation) {
        (Operation::ExecuteTool, Operation::ExecuteTool) => match (&a.tool, &b.tool) {
            (Some(a), Some(b)) => {
                let ids_agree =
                    a.call_id.is_none() || b.call_id.is_none() || a.call_id == b.call_id;
                let arguments_agree =
                    a.arguments.is_none() || b.arguments.is_none() || a.arguments == b.arguments;
                a.name == b.name && ids_agree && arguments_agree
            }
            _ => false,
        },
        (Operation::InvokeAgent, Operation::InvokeAgent) => a.agent.is_some() && a.agent == b.agent,
        _ => false,
    };
    same_name && (a.instrumentation != b.instrumentation && overlap(a, b) || is_repeated(a, b))
}

/// Whether a tool's run or an agent's was exported twice: all that is known of it is the same, its times to the nanosecond.
fn is_repeated(a: &SpanFact, b: &SpanFact) -> bool {
    is_one_export(a, b)
        && (a.start_ns, a.end_ns) == (b.start_ns, b.end_ns)
        && a.end_ns > a.start_ns
        && a.tool == b.tool
        && a.content == b.content
}
