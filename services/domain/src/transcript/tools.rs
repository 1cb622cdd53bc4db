//! Tools: which answer called them, which span ran them, which message brought the result back.

use super::calls::{Call, Scope};
use super::forest::Forest;
use super::loose::run_name;
use super::matching::match_runs;
use super::nodes::{Node, NodeIndex, ToolMessage};
use super::reports::Twins;
use super::results::match_results;
use super::runs::{Run, TOOL_ERROR, runs};
use super::slots::{GivenResult, Slot, slots};
use crate::conversation::Conversation;
use crate::facts::SpanFact;
use crate::ids::{Digest, SpanKey};
use crate::span::SpanError;
use crate::view::{ToolStatus, ToolUse};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use std::sync::Arc;

/// Where an utterance stands: the forest of its scope, and its node.
pub(crate) type Place = (usize, NodeIndex);

/// Every use of a tool, by where it shows.
#[derive(Debug, Default)]
pub(crate) struct ToolUses {
    /// Uses that an answer asked for, in call order.
    pub(crate) by_answer: FxHashMap<Place, Vec<ToolUse>>,
    /// Runs that no known answer asked for, in start order, each with where a history tells its result.
    pub(crate) orphan_runs: Vec<(Scope, Option<Place>, Arc<SpanFact>, ToolUse)>,
    /// Results that answer no known call, by forest.
    pub(crate) orphan_results: Vec<(usize, ToolMessage)>,
    /// The answer whose use a tool span runs, or tells of, and the id of the use.
    pub(crate) caller_of: FxHashMap<SpanKey, (Place, String)>,
    /// The ids of the uses that no known answer asked for, by the spans that run them or tell of them.
    pub(crate) unasked: FxHashMap<SpanKey, String>,
    /// Spans that tell of an execution which another span stands for.
    pub(crate) inner: FxHashSet<SpanKey>,
    /// Uses that were executed: known from a span, a result, or both.
    pub(crate) executions: u32,
    pub(crate) failures: u32,
}

pub(crate) fn tool_uses(
    conversation: &Conversation,
    twins: &Twins,
    calls: &[Call],
    forests: &[(Scope, Forest<'_>)],
) -> ToolUses {
    let mut slots = slots(conversation, calls, forests);
    let scopes: FxHashSet<Scope> = forests.iter().map(|(scope, _)| *scope).collect();
    let mut runs = runs(conversation, twins, &scopes);
    let orphan_runs = match_runs(conversation, &mut slots, &mut runs);
    slots.retain(|slot| !slot.is_again || slot.run.is_some());
    let results = match_results(
        conversation,
        calls,
        forests,
        &mut slots,
        &runs,
        &orphan_runs,
    );
    let mut uses = ToolUses {
        orphan_results: results.orphans,
        executions: results.unasked,
        failures: results.unasked_failures,
        ..ToolUses::default()
    };
    for slot in &slots {
        let run = slot.run.map(|run| &runs[run]);
        let node = &forests[slot.place.0].1.nodes[slot.place.1];
        let id = id_of_slot(node, calls, slot.position);
        let tool_use = use_of_slot(conversation, id, slot, run);
        for run in slot.run.iter().chain(&slot.earlier) {
            let spans = std::iter::once(&runs[*run].span).chain(&runs[*run].inner);
            let caller = (slot.place, tool_use.id.clone());
            let callers = spans.map(|span| (span.key, caller.clone()));
            uses.caller_of.extend(callers);
        }
        uses.count(&tool_use);
        uses.by_answer.entry(slot.place).or_default().push(tool_use);
    }
    for index in orphan_runs {
        let run = &runs[index];
        let (given, place) = results.of_runs.get(&index).cloned().unzip();
        let tool_use = use_of_run(conversation, run, given.as_ref());
        let spans = std::iter::once(&run.span).chain(&run.inner);
        let ids = spans.map(|span| (span.key, tool_use.id.clone()));
        uses.unasked.extend(ids);
        uses.count(&tool_use);
        uses.orphan_runs
            .push((run.scope, place, run.span.clone(), tool_use));
    }
    let inner = runs.iter().flat_map(|run| &run.inner);
    uses.inner = inner.map(|span| span.key).collect();
    uses
}

impl ToolUses {
    fn count(&mut self, tool_use: &ToolUse) {
        self.executions += u32::from(tool_use.status != ToolStatus::Pending);
        self.failures += u32::from(tool_use.status == ToolStatus::Error);
    }
}

/// An answer that a call made has a name that nothing else has. One that only histories tell of is named by its words, which
/// may be the same elsewhere: the trace tells them apart.
fn id_of_slot(node: &Node, calls: &[Call], position: usize) -> String {
    let answer = if node.made_by.is_empty() {
        let trace = calls[node.first_call].span.key.trace;
        Digest::of(&[b"asked", &node.id.0, &trace.0])
    } else {
        node.id
    };
    format!("{answer}.{position}")
}

fn use_of_slot(
    conversation: &Conversation,
    id: String,
    slot: &Slot<'_>,
    run: Option<&Run<'_>>,
) -> ToolUse {
    let given = slot.result.as_ref();
    let (status, error) = outcome(run, given);
    let arguments = (!slot.arguments.is_null()).then(|| slot.arguments.clone());
    ToolUse {
        id,
        call_id: slot.id.map(str::to_owned),
        name: slot.name.to_owned(),
        arguments: arguments.or_else(|| run?.arguments(conversation)),
        result: result(conversation, run, given),
        status,
        error,
        started_ns: run.map(|run| run.span.start_ns),
        duration_ns: run.map(|run| run.span.end_ns - run.span.start_ns),
        span: run.map(|run| run.span.key),
        abandoned: false,
    }
}

fn use_of_run(conversation: &Conversation, run: &Run<'_>, given: Option<&GivenResult>) -> ToolUse {
    let tool = run.tool();
    let (status, error) = outcome(Some(run), given);
    ToolUse {
        id: run_name(run.span).to_string(),
        call_id: tool.call_id.clone(),
        name: if tool.name.is_empty() {
            run.span.name.clone()
        } else {
            tool.name.clone()
        },
        arguments: run.arguments(conversation),
        result: result(conversation, Some(run), given),
        status,
        error,
        started_ns: Some(run.span.start_ns),
        duration_ns: Some(run.span.end_ns - run.span.start_ns),
        span: Some(run.span.key),
        abandoned: false,
    }
}

/// What the message brought, unless it says less than the span or was cut.
fn result(
    conversation: &Conversation,
    run: Option<&Run<'_>>,
    given: Option<&GivenResult>,
) -> Option<Value> {
    let says = given.filter(|given| !given.says_nothing() && !given.is_cut());
    let says = says.map(|given| given.value.clone());
    says.or_else(|| run?.result(conversation))
        .or_else(|| given.map(|given| given.value.clone()))
}

/// The last run's failure, or that which its result tells of. A pause that a result followed is over.
fn outcome(run: Option<&Run<'_>>, given: Option<&GivenResult>) -> (ToolStatus, Option<SpanError>) {
    if let Some(error) = run.and_then(Run::error) {
        return (ToolStatus::Error, Some(error));
    }
    let status = match (run, given) {
        (_, Some(given)) if given.is_error => {
            let error = SpanError {
                kind: Some(TOOL_ERROR.to_owned()),
                message: None,
                ..SpanError::default()
            };
            return (ToolStatus::Error, Some(error));
        }
        (_, Some(_)) => ToolStatus::Ok,
        (Some(run), None) if !run.is_paused() => ToolStatus::Ok,
        _ => ToolStatus::Pending,
    };
    (status, None)
}
