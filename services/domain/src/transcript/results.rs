//! Which call each result in a message is of: by the call's id, wherever in the scope it was asked; else by name and value; else
//! in order.

use super::calls::{Call, Scope};
use super::forest::Forest;
use super::likeness::Likeness;
use super::nodes::{NodeIndex, ToolMessage};
use super::runs::{Run, names_agree};
use super::slots::{GivenResult, Slot, results_of};
use super::tools::Place;
use crate::conversation::Conversation;
use crate::ids::Digest;
use crate::message::Role;
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

/// What became of the results in messages.
#[derive(Default)]
pub(super) struct Results {
    /// Messages with results that nobody asked for and no span tells of, by forest, each once.
    pub(super) orphans: Vec<(usize, ToolMessage)>,
    /// How many such results there are, and how many of them are failures.
    pub(super) unasked: u32,
    pub(super) unasked_failures: u32,
    /// Results of runs that nobody asked for, each with where it stands.
    pub(super) of_runs: FxHashMap<usize, (GivenResult, Place)>,
}

/// How many utterances up a result looks for its call where no id names it.
pub(super) const RESULT_DISTANCE_MAX: usize = 16;
/// How many runs that nobody asked for are compared with a result that names none of them.
const RUNS_COMPARED_MAX: usize = 64;

pub(super) fn match_results<'a>(
    conversation: &Conversation,
    calls: &[Call],
    forests: &[(Scope, Forest<'_>)],
    slots: &mut [Slot<'a>],
    runs: &[Run<'a>],
    orphan_runs: &[usize],
) -> Results {
    let mut by_place: FxHashMap<Place, Vec<usize>> = FxHashMap::default();
    let mut by_id: FxHashMap<(usize, String), Vec<usize>> = FxHashMap::default();
    for (index, slot) in slots.iter().enumerate() {
        by_place.entry(slot.place).or_default().push(index);
        if let Some(id) = slot.id {
            let same = by_id.entry((slot.place.0, id.to_owned())).or_default();
            same.push(index);
        }
    }
    let mut matching = Matching {
        conversation,
        calls,
        slots,
        runs,
        orphan_runs,
        by_place,
        by_id,
        found: Results::default(),
        shown: FxHashSet::default(),
    };
    let mut seen = FxHashSet::default();
    for (forest_index, (_, forest)) in forests.iter().enumerate() {
        for tool_message in &forest.tool_messages {
            if seen.insert((forest_index, tool_message.after, tool_message.message)) {
                matching.add((forest_index, forest), tool_message);
            }
        }
        matching.add_told_by_answers(forest_index, forest);
    }
    matching.found
}

enum Found {
    Slot(usize),
    Run(usize),
    Nothing,
}

struct Matching<'m, 'a> {
    conversation: &'m Conversation,
    calls: &'m [Call],
    slots: &'m mut [Slot<'a>],
    runs: &'m [Run<'a>],
    orphan_runs: &'m [usize],
    by_place: FxHashMap<Place, Vec<usize>>,
    by_id: FxHashMap<(usize, String), Vec<usize>>,
    found: Results,
    /// The results that are shown as messages, by forest and id: ids need not be unique.
    shown: FxHashSet<(usize, String, Digest)>,
}

impl Matching<'_, '_> {
    fn add(&mut self, (index, forest): (usize, &Forest<'_>), tool_message: &ToolMessage) {
        let Some(message) = self.conversation.message(&tool_message.message) else {
            return;
        };
        let above = forest.path(tool_message.after).take(RESULT_DISTANCE_MAX);
        let mut asked: Vec<usize> = above
            .filter_map(|node| self.by_place.get(&(index, node)))
            .flatten()
            .copied()
            .collect();
        if !self.by_place.contains_key(&(index, tool_message.after)) {
            asked.splice(0..0, self.asked_below(index, forest, tool_message.after));
        }
        let before_ns = self.calls[tool_message.call].span.start_ns;
        let mut is_orphan = false;
        for (id, name, result) in results_of(message) {
            let found = self.call_of(forest, index, &asked, (id, name, &result), before_ns);
            if let Found::Slot(slot) = found {
                tell(&mut self.slots[slot].result, result);
            } else if let Found::Run(run) = found {
                let known = self.found.of_runs.remove(&run);
                let place = known.as_ref().map(|(_, place)| *place);
                let mut known = known.map(|(result, _)| result);
                tell(&mut known, result);
                let place = place.unwrap_or((index, tool_message.after));
                let known = known.map(|known| (run, (known, place)));
                self.found.of_runs.extend(known);
            } else if !result.says_nothing() {
                let said = crate::canonical::digest_of(&result.value);
                let is_shown =
                    id.is_some_and(|id| !self.shown.insert((index, id.to_owned(), said)));
                if !is_shown {
                    is_orphan = true;
                    self.found.unasked += 1;
                    self.found.unasked_failures += u32::from(result.is_error);
                }
            }
        }
        if is_orphan {
            self.found.orphans.push((index, *tool_message));
        }
    }

    /// Results within answers of calls that other answers made: what a provider ran came back in its next message.
    fn add_told_by_answers(&mut self, index: usize, forest: &Forest<'_>) {
        for (node_index, node) in forest.nodes.iter().enumerate() {
            let message = node.message.filter(|_| node.role == Some(Role::Assistant));
            let Some(message) = message.and_then(|digest| self.conversation.message(&digest))
            else {
                continue;
            };
            for (id, _, result) in results_of(message) {
                let Some(id) = id else { continue };
                if message.tool_calls().any(|(own, ..)| own == Some(id)) {
                    continue;
                }
                let above = forest.path(node_index).skip(1).take(RESULT_DISTANCE_MAX);
                let mut asked = above.filter_map(|node| self.by_place.get(&(index, node)));
                let slot = asked.find_map(|slots| {
                    let mut slots = slots.iter();
                    slots
                        .find(|slot| self.slots[**slot].id == Some(id))
                        .copied()
                });
                if let Some(slot) = slot {
                    tell(&mut self.slots[slot].result, result);
                }
            }
        }
    }

    /// The calls of answers that stand behind their results: where a client calls functions by itself, the one answer of the run
    /// holds the calls and the last words (Google GenAI).
    fn asked_below(&self, index: usize, forest: &Forest<'_>, after: NodeIndex) -> Vec<usize> {
        let below = forest.nodes[after]
            .children
            .iter()
            .take(RESULT_DISTANCE_MAX);
        let slots = below.filter_map(|node| self.by_place.get(&(index, *node)));
        let open = |slot: &usize| self.slots[*slot].result.is_none();
        slots.flatten().copied().filter(open).collect()
    }

    fn call_of(
        &self,
        forest: &Forest<'_>,
        index: usize,
        asked: &[usize],
        (id, name, result): (Option<&str>, Option<&str>, &GivenResult),
        before_ns: i64,
    ) -> Found {
        let named = id.and_then(|id| {
            let with_id = self.with_id(asked, index, id, before_ns);
            with_id.or_else(|| self.with_other_id(forest, index, id, name))
        });
        if let Some(slot) = named {
            return Found::Slot(slot);
        }
        let run = id.and_then(|id| self.orphan_run_with_id(forest.scope(), id));
        if let Some(run) = run {
            return Found::Run(run);
        }
        if let Some(slot) = self.unnamed(forest, asked, id, name, result) {
            return Found::Slot(slot);
        }
        let run = self.orphan_run(forest.scope(), id, name, result, before_ns);
        run.map_or(Found::Nothing, Found::Run)
    }

    /// The call of an answer that a history repeats with other ids than it was given with.
    fn with_other_id(
        &self,
        forest: &Forest<'_>,
        index: usize,
        id: &str,
        name: Option<&str>,
    ) -> Option<usize> {
        let (node, position) = forest.echoed_ids.get(id)?;
        let slots = self.by_place.get(&(index, *node))?;
        let fits =
            |slot: &&usize| name.is_none_or(|name| names_agree(self.slots[**slot].name, name));
        let at = slots
            .iter()
            .find(|slot| self.slots[**slot].position == *position);
        let open = || {
            slots
                .iter()
                .filter(fits)
                .find(|slot| self.slots[**slot].result.is_none())
        };
        at.filter(fits).or_else(open).copied()
    }

    /// The call with this id: the nearest above the result, else the latest of the scope that was asked before.
    fn with_id(&self, asked: &[usize], forest: usize, id: &str, before_ns: i64) -> Option<usize> {
        let above = asked
            .iter()
            .find(|slot| self.slots[**slot].id == Some(id))
            .copied();
        above.or_else(|| {
            let all = self.by_id.get(&(forest, id.to_owned()))?;
            let is_before = |slot: &&usize| self.slots[**slot].asked.start_ns <= before_ns;
            all.iter().rev().find(is_before).or(all.first()).copied()
        })
    }

    /// Without an id that calls have. `asked` are the calls above the result, those of the nearest answer first.
    fn unnamed(
        &self,
        forest: &Forest<'_>,
        asked: &[usize],
        id: Option<&str>,
        name: Option<&str>,
        result: &GivenResult,
    ) -> Option<usize> {
        let fits =
            |slot: &&usize| name.is_none_or(|name| names_agree(self.slots[**slot].name, name));
        let is_open = |slot: &&usize| self.slots[**slot].result.is_none();
        let nameable = |slot: &&usize| {
            let slot = &self.slots[**slot];
            id.is_none_or(|id| slot.id.is_none() || is_counted_name(id, slot.name))
        };
        let open = || {
            let open = asked.iter().filter(fits).filter(is_open);
            open.filter(nameable)
        };
        // The nearest answer's; of these, one whose run gave back the same.
        let nearest_open = open().next().map(|slot| self.slots[*slot].place);
        let by_value = open()
            .filter(|slot| Some(self.slots[**slot].place) == nearest_open)
            .find(|slot| {
                let run = self.slots[**slot].run;
                run.is_some_and(|run| self.gave_back(run, result))
            });
        // The same answer given twice has other call ids the second time: its results are those of the first. A result with an id
        // that no such answer may have had is of a call that is not known.
        let nearest = asked.first().map(|slot| self.slots[*slot].place);
        let was_made_again = nearest.is_some_and(|(_, node)| forest.nodes[node].made_by.len() > 1);
        let again = || {
            let same = asked.iter().filter(fits);
            let mut same = same.filter(|_| id.is_none() || was_made_again);
            same.find(|slot| Some(self.slots[**slot].place) == nearest)
        };
        by_value.or_else(|| open().next()).or_else(again).copied()
    }

    fn gave_back(&self, run: usize, result: &GivenResult) -> bool {
        let known = self.runs[run].result(self.conversation);
        known.is_some_and(|known| alike(&known, &result.value))
    }

    fn orphan_run_with_id(&self, scope: Scope, id: &str) -> Option<usize> {
        let of_call = |run: &&usize| self.runs[**run].tool().call_id.as_deref() == Some(id);
        let with_id = self.orphan_runs.iter().filter(of_call);
        with_id
            .max_by_key(|run| self.runs[**run].scope == scope)
            .copied()
    }

    /// A run that nobody is known to have asked for, of which this is the result: by value, else in order.
    fn orphan_run(
        &self,
        scope: Scope,
        id: Option<&str>,
        name: Option<&str>,
        result: &GivenResult,
        before_ns: i64,
    ) -> Option<usize> {
        let in_scope = |run: &usize| self.runs[*run].scope == scope;
        // What no id names is the result of what began before it.
        let end = self
            .orphan_runs
            .partition_point(|run| self.runs[*run].span.start_ns <= before_ns);
        let recent = self.orphan_runs[..end].iter().rev().take(RUNS_COMPARED_MAX);
        let is_open = |run: &&usize| {
            let tool = self.runs[**run].tool();
            let is_nameable = id.is_none() || tool.call_id.is_none();
            let is_named_so = name.is_none_or(|name| names_agree(&tool.name, name));
            in_scope(run) && is_nameable && is_named_so && !self.found.of_runs.contains_key(*run)
        };
        let mut open: Vec<usize> = recent.filter(is_open).copied().collect();
        open.reverse();
        if result.says_nothing() {
            return open.first().copied();
        }
        let same = open.iter().find(|run| self.gave_back(**run, result));
        let untold = || {
            open.iter()
                .find(|run| self.runs[**run].tool().result.is_none())
        };
        same.or_else(untold).copied()
    }
}

/// Whether an id is no call's but made of the tool's name and a number: `get_weather_0` (OpenTelemetry's Google GenAI).
fn is_counted_name(id: &str, name: &str) -> bool {
    let number = id.strip_prefix(name).filter(|_| !name.is_empty());
    number.is_some_and(|number| {
        number
            .trim_start_matches(['_', '-', ':', '.'])
            .bytes()
            .all(|digit| digit.is_ascii_digit())
    })
}

/// Keeps the first result that says something and is no failure: a call that was interrupted is answered again, and what SDKs
/// later put in place of an old result says less. What was cut gives way to what was not.
fn tell(known: &mut Option<GivenResult>, told: GivenResult) {
    match known {
        Some(known) if known.is_cut() && !told.is_cut() && !told.says_nothing() => *known = told,
        Some(known) if !known.says_nothing() && (!known.is_error || told.says_nothing()) => {}
        _ => *known = Some(told),
    }
}

/// Shorter texts stand in many others by chance.
const CONTAINED_BYTES_MIN: usize = 4;

/// Whether two results are one, or one holds the other.
fn alike(a: &Value, b: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    if matches!(Likeness::of(a, b), Likeness::Same | Likeness::Contained) {
        return true;
    }
    let (a, b) = (text(a), text(b));
    a == b || (a.len().min(b.len()) >= CONTAINED_BYTES_MIN && (a.contains(&b) || b.contains(&a)))
}
