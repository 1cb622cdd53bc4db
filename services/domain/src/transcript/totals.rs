//! The numbers and names of the whole conversation.

use super::calls::{Call, ancestors};
use super::reports::Twins;
use super::tools::ToolUses;
use crate::conversation::{ANCESTORS_MAX, Conversation};
use crate::facts::{CostFact, SpanFact};
use crate::ids::SpanKey;
use crate::message::Role;
use crate::span::Operation;
use crate::text;
use crate::view::{ModelTotals, NAMES_MAX, PREVIEW_BYTES_MAX, Totals, Utterance};
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) fn totals(
    conversation: &Conversation,
    twins: &Twins,
    calls: &[Call],
    uses: &ToolUses,
) -> Totals {
    let spans = conversation.spans_in_order();
    let mut totals = Totals {
        started_ns: spans.first().map_or(0, |span| span.start_ns),
        last_activity_ns: spans.iter().map(|span| span.end_ns).max().unwrap_or(0),
        generation_ns: calls
            .iter()
            .map(|call| call.span.end_ns - call.span.start_ns)
            .fold(0, i64::saturating_add),
        llm_calls: calls.len() as u32,
        tool_calls: uses.executions,
        tool_errors: uses.failures,
        errors: errors(conversation, twins, calls),
        spans: spans.len() as u32,
        agents: names(spans.iter().filter_map(|span| span.agent.clone())),
        models: names(calls.iter().filter_map(|call| call.model().cloned())),
        tools: names(tool_names(&spans, uses)),
        trace_ids: traces(&spans),
        user: spans
            .iter()
            .find(|span| !span.user.is_empty())
            .map(|span| span.user.clone())
            .unwrap_or_default(),
        environment: spans.iter().find_map(|span| span.environment.clone()),
        inferred: spans.iter().any(|span| span.inferred),
        omitted: conversation.omitted.len() as u32,
        missing_parents: missing_parents(conversation),
        ..Totals::default()
    };
    if totals.user.is_empty() {
        let logs = conversation.logs.values().flat_map(BTreeMap::values);
        totals.user = logs
            .map(|log| &log.user)
            .find(|user| !user.is_empty())
            .cloned()
            .unwrap_or_default();
    }
    count_usage(&mut totals, calls);
    totals
}

fn count_usage(totals: &mut Totals, calls: &[Call]) {
    let mut by_model: BTreeMap<(String, Option<String>), ModelTotals> = BTreeMap::new();
    for call in calls {
        let counted = call.counted();
        let usage = counted.usage.unwrap_or_default();
        let model = call.model().cloned().unwrap_or_default();
        let provider = call.all_spans().find_map(|span| span.provider.clone());
        let row = by_model
            .entry((model.clone(), provider.clone()))
            .or_insert_with(|| ModelTotals {
                model,
                provider,
                ..ModelTotals::default()
            });
        row.llm_calls += 1;
        row.usage += usage;
        totals.usage += usage;
        if counted.cost != CostFact::None {
            row.cost.add_call(counted.cost.known());
            totals.cost.add_call(counted.cost.known());
        }
    }
    totals.by_model = by_model.into_values().take(NAMES_MAX).collect();
}

impl Totals {
    /// Adds what only the transcript tells: how many messages, the first input and the last output.
    pub(crate) fn with_texts(mut self, messages: &[Utterance]) -> Self {
        let preview = |message: &Utterance| {
            let text = message.message.as_ref()?.text()?;
            Some(text::prefix(text.trim(), PREVIEW_BYTES_MAX).to_owned())
        };
        let main = || {
            messages
                .iter()
                .filter(|message| message.thread == 0 && !message.superseded)
        };
        self.messages = messages.len() as u32;
        self.first_input = main()
            .filter(|message| message.role == Role::User)
            .find_map(preview);
        self.last_output = main()
            .rev()
            .filter(|message| message.role == Role::Assistant)
            .find_map(preview);
        self
    }
}

/// Failed spans below which no span failed: an error that only passed up through its parents counts where it began. Of
/// two reports of one call only one counts.
fn errors(conversation: &Conversation, twins: &Twins, calls: &[Call]) -> u32 {
    let failed = || {
        conversation
            .spans
            .values()
            .filter(|span| span.error.is_some())
    };
    let mut passed_up: FxHashSet<SpanKey> = failed()
        .flat_map(|span| ancestors(conversation, span))
        .map(|ancestor| ancestor.key)
        .collect();
    for call in calls.iter().filter(|call| call.span.error.is_some()) {
        passed_up.extend(call.duplicates.iter().map(|span| span.key));
    }
    failed()
        .filter(|span| !passed_up.contains(&span.key) && !twins.is_second(span.key))
        .count() as u32
}

/// Spans that are named as a parent, by a span or by what stands above it, and are not known.
fn missing_parents(conversation: &Conversation) -> u32 {
    let mut missing: FxHashSet<SpanKey> = FxHashSet::default();
    for span in conversation.spans.values() {
        let mut next = span.parent;
        for _ in 0..ANCESTORS_MAX {
            let Some(parent) = next else { break };
            let key = SpanKey {
                trace: span.key.trace,
                span: parent,
            };
            next = match conversation.links.get(&key) {
                _ if conversation.spans.contains_key(&key) => None,
                Some(link) => link.report,
                None => {
                    missing.insert(key);
                    None
                }
            };
        }
    }
    missing.len() as u32
}

fn tool_names(spans: &[&Arc<SpanFact>], uses: &ToolUses) -> Vec<String> {
    let run = spans
        .iter()
        .filter(|span| span.operation == Operation::ExecuteTool)
        // Of the others what the model called them is listed.
        .filter(|span| !uses.inner.contains(&span.key) && !uses.caller_of.contains_key(&span.key));
    let run = run
        .filter_map(|span| span.tool.as_ref())
        .map(|tool| tool.name.clone());
    run.chain(
        uses.by_answer
            .values()
            .flatten()
            .map(|tool_use| tool_use.name.clone()),
    )
    .collect()
}

fn names(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let distinct: BTreeSet<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
    distinct.into_iter().take(NAMES_MAX).collect()
}

fn traces(spans: &[&Arc<SpanFact>]) -> Vec<String> {
    let mut seen = FxHashSet::default();
    let distinct = spans
        .iter()
        .map(|span| span.key.trace)
        .filter(|trace| seen.insert(*trace));
    distinct
        .take(TRACES_MAX)
        .map(|trace| trace.to_string())
        .collect()
}

/// Traces listed per conversation: one a turn is usual, and a list of this many is already unreadable.
const TRACES_MAX: usize = 1_000;
