//! Tools: which answer called them, which span ran them, which message brought the result back.

use super::calls::{Call, Scope, ancestors};
use super::forest::Forest;
use super::nodes::{NodeIndex, ToolMessage};
use super::reports::Twins;
use super::slots::{Slot, slots};
use crate::conversation::Conversation;
use crate::facts::{SpanFact, ToolFact};
use crate::ids::{Digest, SpanKey};
use crate::span::{Operation, Outcome};
use crate::view::{ToolStatus, ToolUse};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Reverse;
use std::sync::Arc;

/// Where an utterance stands: the forest of its scope, and its node.
pub(crate) type Place = (usize, NodeIndex);

/// Every use of a tool, by where it shows.
#[derive(Debug, Default)]
pub(crate) struct ToolUses {
    /// Uses that an answer asked for, in call order.
    pub(crate) by_answer: FxHashMap<Place, Vec<ToolUse>>,
    /// Runs that no known answer asked for, in start order.
    pub(crate) orphan_runs: Vec<(Scope, Arc<SpanFact>, ToolUse)>,
    /// Results that answer no known call, by forest.
    pub(crate) orphan_results: Vec<(usize, ToolMessage)>,
    /// The answer whose use a tool span runs.
    pub(crate) caller_of: FxHashMap<SpanKey, Place>,
    /// Uses that were executed: known from a span, a result, or both.
    pub(crate) executions: u32,
    pub(crate) failures: u32,
}

/// An execution, and in whose context it ran.
struct Run<'a> {
    span: &'a Arc<SpanFact>,
    scope: Scope,
}

/// How many open calls of a tool are compared at least, and twice as many at most, for a run that names none. Older ones
/// were abandoned.
const OPEN_CALLS_MAX: usize = 64;

pub(crate) fn tool_uses(
    conversation: &Conversation,
    twins: &Twins,
    calls: &[Call],
    forests: &[(Scope, Forest<'_>)],
) -> ToolUses {
    let mut slots = slots(conversation, calls, forests);
    let scopes: FxHashSet<Scope> = forests.iter().map(|(scope, _)| *scope).collect();
    let runs = runs(conversation, twins, &scopes);
    let runs: Vec<Run<'_>> = runs
        .into_iter()
        .map(|span| Run {
            span,
            scope: scope_of(conversation, twins, span, &scopes),
        })
        .collect();
    let orphan_runs = match_runs(&mut slots, &runs);
    slots.retain(|slot| !slot.is_again || slot.run.is_some());
    let (orphan_results, unasked) = match_results(conversation, forests, &mut slots);
    let mut uses = ToolUses {
        orphan_results,
        ..ToolUses::default()
    };
    for slot in slots {
        let tool_use = use_of_slot(conversation, forests, &slot);
        if let Some(run) = slot.run {
            uses.caller_of.insert(run.key, slot.place);
        }
        uses.count(&tool_use);
        uses.by_answer.entry(slot.place).or_default().push(tool_use);
    }
    uses.executions += unasked;
    for run in orphan_runs {
        let tool_use = use_of_run(conversation, run.span);
        uses.count(&tool_use);
        uses.orphan_runs
            .push((run.scope, run.span.clone(), tool_use));
    }
    uses
}

impl ToolUses {
    fn count(&mut self, tool_use: &ToolUse) {
        self.executions += u32::from(tool_use.status != ToolStatus::Pending);
        self.failures += u32::from(tool_use.status == ToolStatus::Error);
    }
}

/// The tool spans in start order, each execution once: a span within another of the same tool (a protocol client's within
/// a framework's) tells of the same execution, unless the outer one runs a sub-agent that calls the tool again.
fn runs<'a>(
    conversation: &'a Conversation,
    twins: &Twins,
    scopes: &FxHashSet<Scope>,
) -> Vec<&'a Arc<SpanFact>> {
    let is_inner = |span: &SpanFact| {
        let outer = ancestors(conversation, span)
            .take_while(|ancestor| !ancestor.operation.is_llm())
            .find(|ancestor| ancestor.operation == Operation::ExecuteTool);
        outer.is_some_and(|outer| {
            let is_agent = scopes.contains(&Scope::Under(twins.first(outer.key)));
            !is_agent && tool_of(outer).name == tool_of(span).name
        })
    };
    let spans = conversation.spans_in_order().into_iter();
    spans
        .filter(|span| span.operation == Operation::ExecuteTool)
        .filter(|span| !twins.is_second(span.key) && !is_inner(span))
        .collect()
}

fn tool_of(span: &SpanFact) -> &ToolFact {
    const NONE: &ToolFact = &ToolFact {
        name: String::new(),
        call_id: None,
        arguments: None,
        result: None,
        outcome: Outcome::Done,
    };
    span.tool.as_ref().unwrap_or(NONE)
}

/// Gives each run its slot: by call id, else by name, best when the context, the trace and the arguments agree and the
/// answer is the latest before the run. Returns the runs that no answer asked for.
fn match_runs<'a>(slots: &mut [Slot<'a>], runs: &[Run<'a>]) -> Vec<Run<'a>> {
    let mut by_id: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
    for (index, slot) in slots.iter().enumerate() {
        if let Some(id) = slot.id {
            by_id.entry(id).or_default().push(index);
        }
    }
    // Calls become open as time goes on; a run looks at the latest of its tool's.
    let mut by_time: Vec<usize> = (0..slots.len()).collect();
    by_time.sort_by_key(|index| (slots[*index].asked.start_ns, Reverse(*index)));
    let mut by_time = by_time.into_iter().peekable();
    let mut open_by_name: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
    let mut seen_ids: FxHashSet<(&str, &str)> = FxHashSet::default();
    let mut orphans = Vec::new();
    for Run { span: run, scope } in runs {
        while let Some(index) =
            by_time.next_if(|index| slots[*index].asked.start_ns <= run.start_ns)
        {
            let open = open_by_name.entry(slots[index].name).or_default();
            open.push(index);
            if open.len() > 2 * OPEN_CALLS_MAX {
                open.retain(|index| slots[*index].run.is_none());
                open.drain(..open.len().saturating_sub(OPEN_CALLS_MAX));
            }
        }
        let tool = tool_of(run);
        let with_id = tool.call_id.as_deref().and_then(|id| by_id.get(id));
        let best = match with_id {
            Some(indexes) => best_slot_with_id(slots, run, *scope, indexes),
            None => {
                let open = open_by_name.get(tool.name.as_str());
                let latest = open.into_iter().flatten().rev().copied();
                let free = |index: &usize| {
                    let may_be = tool.call_id.is_none() || slots[*index].id.is_none();
                    slots[*index].run.is_none() && may_be
                };
                best_slot(slots, run, *scope, latest.filter(free))
            }
        };
        match best {
            Some(index) => slots[index].run = Some(run),
            // A second report of a run that has its slot.
            None if with_id.is_some() => {}
            None => {
                let is_second = tool
                    .call_id
                    .as_deref()
                    .is_some_and(|id| !seen_ids.insert((id, &tool.name)));
                if !is_second {
                    orphans.push(Run {
                        span: run,
                        scope: *scope,
                    });
                }
            }
        }
    }
    orphans
}

/// Of the calls with a run's id: one that was asked before it. When all were asked later, its clock is behind, and the
/// earliest is its own.
fn best_slot_with_id(
    slots: &[Slot<'_>],
    run: &SpanFact,
    scope: Scope,
    indexes: &[usize],
) -> Option<usize> {
    let is_free = |index: &usize| slots[*index].run.is_none();
    let is_before = |index: &usize| slots[*index].asked.start_ns <= run.start_ns;
    if indexes.iter().any(is_before) {
        let free = |index: &usize| is_free(index) && is_before(index);
        best_slot(slots, run, scope, indexes.iter().copied().filter(free))
    } else {
        let free = indexes.iter().copied().filter(is_free);
        free.min_by_key(|index| slots[*index].asked.start_ns)
    }
}

fn best_slot(
    slots: &[Slot<'_>],
    run: &SpanFact,
    scope: Scope,
    candidates: impl Iterator<Item = usize>,
) -> Option<usize> {
    candidates.max_by_key(|index| {
        let slot = &slots[*index];
        let arguments = tool_of(run).arguments;
        let same_arguments =
            arguments.is_some_and(|known| known == crate::canonical::digest_of(slot.arguments));
        (
            slot.scope == scope,
            slot.asked.key.trace == run.key.trace,
            same_arguments,
            slot.asked.start_ns,
            Reverse(slot.position),
        )
    })
}

/// Gives each tool message's results their slots: by id on the path above it, else by name, else in order. Returns the
/// messages with results that nobody asked for, each once, and how many such results there are.
fn match_results(
    conversation: &Conversation,
    forests: &[(Scope, Forest<'_>)],
    slots: &mut [Slot<'_>],
) -> (Vec<(usize, ToolMessage)>, u32) {
    let mut by_place: FxHashMap<Place, Vec<usize>> = FxHashMap::default();
    for (index, slot) in slots.iter().enumerate() {
        by_place.entry(slot.place).or_default().push(index);
    }
    let mut seen = FxHashSet::default();
    let mut orphans = Vec::new();
    let mut unasked_results = 0;
    for (forest_index, (_, forest)) in forests.iter().enumerate() {
        for tool_message in &forest.tool_messages {
            if !seen.insert((forest_index, tool_message.after, tool_message.message)) {
                continue;
            }
            let Some(message) = conversation.message(&tool_message.message) else {
                continue;
            };
            let mut unasked = 0;
            for (id, name, result) in message.tool_results() {
                let above = forest.path(tool_message.after).take(RESULT_DISTANCE_MAX);
                let asked: Vec<usize> = above
                    .filter_map(|node| by_place.get(&(forest_index, node)))
                    .flatten()
                    .copied()
                    .collect();
                match slot_for_result(slots, &asked, id, name) {
                    Some(index) => {
                        slots[index].result.get_or_insert_with(|| result.clone());
                    }
                    None => unasked += 1,
                }
            }
            if unasked > 0 {
                orphans.push((forest_index, *tool_message));
            }
            unasked_results += unasked;
        }
    }
    (orphans, unasked_results)
}

/// How many utterances up a result looks for its call.
pub(super) const RESULT_DISTANCE_MAX: usize = 16;

/// `asked` are the slots above the result, those of the nearest answer first.
fn slot_for_result(
    slots: &[Slot<'_>],
    asked: &[usize],
    id: Option<&str>,
    name: Option<&str>,
) -> Option<usize> {
    if let Some(index) = id.and_then(|id| asked.iter().find(|index| slots[**index].id == Some(id)))
    {
        return Some(*index);
    }
    let fits = |index: &&usize| name.is_none_or(|name| slots[**index].name == name);
    let is_open = |index: &&usize| slots[**index].result.is_none();
    let nameable = |index: &&usize| id.is_none() || slots[**index].id.is_none();
    let open = asked.iter().filter(fits).filter(is_open).find(nameable);
    // The same answer given twice has other call ids the second time: its results are those of the first.
    let nearest = asked.first().map(|index| slots[*index].place);
    let again = || {
        asked
            .iter()
            .filter(fits)
            .find(|index| Some(slots[**index].place) == nearest)
    };
    open.or_else(again).copied()
}

fn use_of_slot(
    conversation: &Conversation,
    forests: &[(Scope, Forest<'_>)],
    slot: &Slot<'_>,
) -> ToolUse {
    let node = &forests[slot.place.0].1.nodes[slot.place.1];
    let from_run = slot.run.map(|run| use_of_run(conversation, run));
    let has_result = slot.result.is_some();
    let result = slot
        .result
        .clone()
        .or_else(|| from_run.as_ref()?.result.clone());
    let arguments = (!slot.arguments.is_null()).then(|| slot.arguments.clone());
    ToolUse {
        id: slot
            .id
            .map_or_else(|| format!("{}.{}", node.id, slot.position), str::to_owned),
        name: slot.name.to_owned(),
        arguments: arguments.or_else(|| from_run.as_ref()?.arguments.clone()),
        result,
        status: match &from_run {
            Some(run) => run.status,
            None if has_result => ToolStatus::Ok,
            None => ToolStatus::Pending,
        },
        error: from_run.as_ref().and_then(|run| run.error.clone()),
        started_ns: from_run.as_ref().and_then(|run| run.started_ns),
        duration_ns: from_run.as_ref().and_then(|run| run.duration_ns),
        span: slot.run.map(|run| run.key),
        abandoned: false,
    }
}

fn use_of_run(conversation: &Conversation, run: &SpanFact) -> ToolUse {
    let tool = tool_of(run);
    let value = |digest: Option<Digest>| {
        digest
            .and_then(|digest| conversation.value(&digest))
            .map(|value| (**value).clone())
    };
    ToolUse {
        id: tool
            .call_id
            .clone()
            .unwrap_or_else(|| run.key.span.to_string()),
        name: if tool.name.is_empty() {
            run.name.clone()
        } else {
            tool.name.clone()
        },
        arguments: value(tool.arguments),
        result: value(tool.result),
        status: if run.error.is_some() {
            ToolStatus::Error
        } else {
            ToolStatus::Ok
        },
        error: run.error.clone(),
        started_ns: Some(run.start_ns),
        duration_ns: Some(run.end_ns - run.start_ns),
        span: Some(run.key),
        abandoned: false,
    }
}

fn scope_of(
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
