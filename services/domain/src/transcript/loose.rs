//! What belongs to a thread and to no answer in it: runs and results of tools that nobody is known to have asked for.

use super::calls::Scope;
use super::nodes::ToolMessage;
use super::threads::Placed;
use super::tools::{Place, ToolUses};
use crate::facts::SpanFact;
use crate::ids::Digest;
use crate::message::Role;
use crate::view::{ToolUse, Utterance};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// What belongs to a thread and to no answer in it.
pub(super) struct Loose {
    /// By the node they stand after.
    pub(super) results: FxHashMap<Place, Vec<ToolMessage>>,
    /// In start order.
    pub(super) runs: FxHashMap<Scope, Vec<(Arc<SpanFact>, ToolUse)>>,
    /// Those of which a history tells the result, by the node it stands after.
    pub(super) placed_runs: FxHashMap<Place, Vec<(Arc<SpanFact>, ToolUse)>>,
}

impl Loose {
    pub(super) fn of(uses: &mut ToolUses) -> Self {
        let mut loose = Self {
            results: FxHashMap::default(),
            runs: FxHashMap::default(),
            placed_runs: FxHashMap::default(),
        };
        for (forest, result) in std::mem::take(&mut uses.orphan_results) {
            let results = loose.results.entry((forest, result.after)).or_default();
            results.push(result);
        }
        for (scope, place, run, tool_use) in std::mem::take(&mut uses.orphan_runs) {
            let runs = match place {
                Some(place) => loose.placed_runs.entry(place).or_default(),
                None => loose.runs.entry(scope).or_default(),
            };
            runs.push((run, tool_use));
        }
        loose
    }
}

/// Adds runs that no known answer asked for behind what may have asked for them.
pub(super) fn add_runs(messages: &mut Vec<Placed>, runs: Vec<(Arc<SpanFact>, ToolUse)>) {
    for (run, tool_use) in runs {
        match messages.last_mut().map(|before| &mut before.utterance) {
            Some(before) if may_have_asked(before) => before.tool_calls.push(tool_use),
            _ => messages.push(Placed {
                place: None,
                utterance: run_alone(&run, tool_use),
            }),
        }
    }
}

fn may_have_asked(before: &Utterance) -> bool {
    before.role == Role::Assistant && before.message.is_none() && before.error.is_none()
}

/// A name for a run that no answer asked for.
pub(super) fn run_name(run: &SpanFact) -> Digest {
    Digest::of(&[b"run", &run.key.trace.0, &run.key.span.0])
}

fn run_alone(run: &SpanFact, tool_use: ToolUse) -> Utterance {
    Utterance {
        id: run_name(run),
        role: Role::Tool,
        message: None,
        content_captured: tool_use.arguments.is_some() || tool_use.result.is_some(),
        timestamp_ns: run.end_ns,
        agent: run.agent.clone(),
        model: None,
        finish_reason: None,
        duration_ns: Some(run.end_ns - run.start_ns),
        usage: None,
        cost: None,
        error: run.error.clone(),
        tool_calls: vec![tool_use],
        thread: 0,
        thread_parent: None,
        superseded: false,
        is_summary: false,
        unseen: 0,
        context_start: None,
        spans: vec![run.key],
    }
}
