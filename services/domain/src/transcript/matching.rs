//! Which call each execution of a tool is of: by the call's id; else by name, arguments and time.
//!
//! ```text
//! run                               its call
//! with an id that calls have        one with the id; the later of two runs under one id counts
//! without, its trace has calls      asked before it: with the same arguments, else with arguments that contain one another,
//!                                   else in order
//! the same, none asked before it    in order, for the clocks of two machines may differ by minutes
//! without, and none in its trace    the latest that was asked before it
//! none of these                     one that is paused: it was resumed
//! ```

use super::calls::Scope;
use super::likeness::Likeness;
use super::runs::{Run, names_agree, tail};
use super::slots::Slot;
use crate::conversation::Conversation;
use crate::ids::TraceId;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Reverse;

/// How many open calls of a tool are compared at least, and twice as many at most, for a run that names none. Older ones
/// were abandoned.
const OPEN_CALLS_MAX: usize = 64;

/// Gives each run its slot. Returns the runs that no answer asked for.
pub(super) fn match_runs<'a>(
    conversation: &Conversation,
    slots: &mut [Slot<'a>],
    runs: &mut [Run<'a>],
) -> Vec<usize> {
    let seconds = by_id(slots, runs);
    let mut left: Vec<usize> = {
        let taken: FxHashSet<usize> = slots.iter().filter_map(|slot| slot.run).collect();
        let earlier: FxHashSet<usize> =
            slots.iter().flat_map(|slot| slot.earlier.clone()).collect();
        let is_left = |run: &usize| {
            !taken.contains(run) && !earlier.contains(run) && !seconds.contains_key(run)
        };
        (0..runs.len()).filter(is_left).collect()
    };
    let mut matching = Matching {
        conversation,
        slots,
        runs,
    };
    left = matching.asked_before(left, |run| Some(run.span.key.trace));
    left = matching.in_order(left);
    left = matching.asked_before(left, |_| None);
    left = matching.resumed(left);
    for (second, first) in seconds {
        let span = runs[second].span;
        runs[first].inner.push(span);
    }
    later_decides(runs, left)
}

/// Of runs that nobody asked for and that have one id, the last.
fn later_decides(runs: &[Run<'_>], left: Vec<usize>) -> Vec<usize> {
    let mut seen: FxHashSet<(&str, &str)> = FxHashSet::default();
    let mut kept: Vec<usize> = Vec::new();
    for run in left.into_iter().rev() {
        let tool = runs[run].tool();
        let is_first = unique_id(&runs[run]).is_none_or(|id| seen.insert((id, tail(&tool.name))));
        if is_first {
            kept.push(run);
        }
    }
    kept.reverse();
    kept
}

/// The id of its call, unless it is only the name of the tool (Microsoft.Extensions.AI with Gemini).
fn unique_id<'a>(run: &'a Run<'_>) -> Option<&'a str> {
    let tool = run.tool();
    tool.call_id.as_deref().filter(|id| *id != tool.name)
}

/// Runs with an id that calls have. Returns those that tell again of a run beside them, with the run.
fn by_id(slots: &mut [Slot<'_>], runs: &[Run<'_>]) -> FxHashMap<usize, usize> {
    let mut with_id: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
    for (index, slot) in slots.iter().enumerate() {
        if let Some(id) = slot.id {
            with_id.entry(id).or_default().push(index);
        }
    }
    let mut seconds = FxHashMap::default();
    for (index, run) in runs.iter().enumerate() {
        let id = run.tool().call_id.as_deref();
        let Some(indexes) = id.and_then(|id| with_id.get(id)) else {
            continue;
        };
        let is_free = |slot: &usize| slots[*slot].run.is_none();
        if let Some(slot) = best_with_id(slots, run, indexes, is_free) {
            slots[slot].run = Some(index);
            continue;
        }
        let Some(slot) = best_with_id(slots, run, indexes, |_| true) else {
            continue;
        };
        let Some(known) = slots[slot].run.filter(|_| unique_id(run).is_some()) else {
            continue;
        };
        let (a, b) = (runs[known].span, run.span);
        if a.start_ns <= b.end_ns && b.start_ns <= a.end_ns {
            seconds.insert(index, known);
        } else {
            slots[slot].earlier.push(known);
            slots[slot].run = Some(index);
        }
    }
    seconds
}

/// Of the calls with a run's id: one that was asked before it. When all were asked later, its clock is behind, and the
/// earliest is its own.
fn best_with_id(
    slots: &[Slot<'_>],
    run: &Run<'_>,
    indexes: &[usize],
    may_be: impl Fn(&usize) -> bool,
) -> Option<usize> {
    let is_before = |index: &usize| slots[*index].asked.start_ns <= run.span.start_ns;
    let candidates = || indexes.iter().copied().filter(&may_be);
    if indexes.iter().any(is_before) {
        let before = candidates().filter(is_before);
        before.max_by_key(|index| {
            let slot = &slots[*index];
            let arguments = run.tool().arguments;
            let same_arguments =
                arguments.is_some_and(|known| known == crate::canonical::digest_of(slot.arguments));
            (
                slot.scope == run.scope,
                slot.asked.key.trace == run.span.key.trace,
                same_arguments,
                slot.asked.start_ns,
                Reverse(slot.position),
            )
        })
    } else {
        candidates().min_by_key(|index| slots[*index].asked.start_ns)
    }
}

struct Matching<'m, 'a> {
    conversation: &'m Conversation,
    slots: &'m mut [Slot<'a>],
    runs: &'m [Run<'a>],
}

/// The calls of a tool within a trace, or wherever it is asked for.
type Group<'a> = (&'a str, Option<TraceId>);

/// Calls that become open as time goes on.
#[derive(Default)]
struct Asked {
    /// In the order in which they were asked.
    slots: Vec<usize>,
    /// How many of them were asked by now.
    begun: usize,
    open: Vec<usize>,
    /// By scope, when the runs began that look here, in order, and how many of them have looked.
    runs_ns: FxHashMap<Scope, (Vec<i64>, usize)>,
}

impl Matching<'_, '_> {
    /// Matches runs with open calls that were asked before them. Returns what is left.
    fn asked_before(
        &mut self,
        left: Vec<usize>,
        trace: impl Fn(&Run<'_>) -> Option<TraceId>,
    ) -> Vec<usize> {
        let group = |run: usize| (tail(&self.runs[run].tool().name), trace(&self.runs[run]));
        let mut groups: FxHashMap<Group<'_>, Asked> = FxHashMap::default();
        for run in &left {
            let asked = groups.entry(group(*run)).or_default();
            let runs = asked.runs_ns.entry(self.runs[*run].scope).or_default();
            runs.0.push(self.runs[*run].span.start_ns);
        }
        let is_by_trace = left.first().is_some_and(|run| group(*run).1.is_some());
        for (index, slot) in self.slots.iter().enumerate() {
            let trace = is_by_trace.then_some(slot.asked.key.trace);
            if let Some(asked) = groups.get_mut(&(tail(slot.name), trace)) {
                asked.slots.push(index);
            }
        }
        for asked in groups.values_mut() {
            let order = |index: &usize| (self.slots[*index].asked.start_ns, Reverse(*index));
            asked.slots.sort_by_key(order);
        }
        let mut rest = Vec::new();
        for run in left {
            let (tool, trace) = group(run);
            let Some(asked) = groups.get_mut(&(tool, trace)) else {
                continue;
            };
            match self.best_open(run, asked, is_by_trace) {
                Some(slot) => self.slots[slot].run = Some(run),
                None => rest.push(run),
            }
        }
        rest
    }

    fn best_open(&self, run: usize, asked: &mut Asked, is_by_trace: bool) -> Option<usize> {
        let start_ns = self.runs[run].span.start_ns;
        let is_begun = |slot: &&usize| self.slots[**slot].asked.start_ns <= start_ns;
        while let Some(slot) = asked.slots.get(asked.begun).filter(is_begun) {
            asked.begun += 1;
            asked.open.push(*slot);
            if asked.open.len() > 2 * OPEN_CALLS_MAX {
                asked.open.retain(|slot| self.slots[*slot].run.is_none());
                let old = asked.open.len().saturating_sub(OPEN_CALLS_MAX);
                asked.open.drain(..old);
            }
        }
        let next = asked.slots.get(asked.begun);
        let next_ns = next.map_or(i64::MAX, |slot| self.slots[*slot].asked.start_ns);
        let (runs_ns, looked) = asked.runs_ns.entry(self.runs[run].scope).or_default();
        let begin = runs_ns.partition_point(|run_ns| *run_ns < next_ns);
        let waiting = begin.saturating_sub(*looked);
        *looked += 1;
        let mut open: Vec<usize> = asked.open.clone();
        open.retain(|slot| self.may_be(*slot, run));
        // As many runs as open calls: none was abandoned, so they go in order.
        let in_scope = |slot: &&usize| self.slots[**slot].scope == self.runs[run].scope;
        let all_are_run = is_by_trace && waiting >= open.iter().filter(in_scope).count();
        open.into_iter().max_by_key(|index| {
            let slot = &self.slots[*index];
            let at_ns = slot.asked.start_ns;
            (
                slot.scope == self.runs[run].scope,
                slot.asked.key.trace == self.runs[run].span.key.trace,
                self.likeness(*index, run),
                if all_are_run {
                    at_ns.saturating_neg()
                } else {
                    at_ns
                },
                Reverse((slot.place, slot.position)),
            )
        })
    }

    /// Matches runs with the calls of their traces that are still open, whenever these were asked.
    fn in_order(&mut self, left: Vec<usize>) -> Vec<usize> {
        let mut open: FxHashMap<Group<'_>, Vec<usize>> = FxHashMap::default();
        let free = |index: &usize| self.slots[*index].run.is_none();
        let mut by_time: Vec<usize> = (0..self.slots.len()).filter(free).collect();
        by_time.sort_by_key(|index| (self.slots[*index].asked.start_ns, *index));
        for index in by_time {
            let slot = &self.slots[index];
            let group = (tail(slot.name), Some(slot.asked.key.trace));
            open.entry(group).or_default().push(index);
        }
        let mut rest = Vec::new();
        for run in left {
            let group = (
                tail(&self.runs[run].tool().name),
                Some(self.runs[run].span.key.trace),
            );
            let open = open.get_mut(&group);
            let best = open.and_then(|open| {
                let near = open.iter().take(OPEN_CALLS_MAX).enumerate();
                let fits = near.filter(|(_, slot)| {
                    self.may_be(**slot, run) && self.likeness(**slot, run) != Likeness::Other
                });
                let best = fits.max_by_key(|(position, slot)| {
                    let in_scope = self.slots[**slot].scope == self.runs[run].scope;
                    (in_scope, self.likeness(**slot, run), Reverse(*position))
                });
                best.map(|(position, _)| position)
                    .map(|position| open.remove(position))
            });
            match best {
                Some(slot) => self.slots[slot].run = Some(run),
                None => rest.push(run),
            }
        }
        rest
    }

    /// A paused call is run again from its beginning when it is resumed (LangGraph), where instrumentations tell no ids.
    fn resumed(&mut self, left: Vec<usize>) -> Vec<usize> {
        let is_paused = |slot: &Slot<'_>| slot.run.is_some_and(|run| self.runs[run].is_paused());
        let mut paused: Vec<usize> = (0..self.slots.len())
            .filter(|index| is_paused(&self.slots[*index]))
            .collect();
        paused.reverse();
        paused.truncate(OPEN_CALLS_MAX);
        let mut rest = Vec::new();
        for run in left {
            let fits = |index: &&usize| {
                let slot = &self.slots[**index];
                let earlier = slot.run.map(|run| &self.runs[run]);
                earlier.is_some_and(|earlier| {
                    earlier.is_paused() && earlier.span.start_ns < self.runs[run].span.start_ns
                }) && names_agree(slot.name, &self.runs[run].tool().name)
                    && self.runs[run].tool().call_id.is_none()
                    && self.likeness(**index, run) != Likeness::Other
            };
            match paused.iter().find(fits).copied() {
                Some(index) => {
                    let earlier = self.slots[index].run.replace(run);
                    self.slots[index].earlier.extend(earlier);
                }
                None => rest.push(run),
            }
        }
        rest
    }

    /// Whether an open call may be the one of a run that names none of the calls' ids.
    fn may_be(&self, slot: usize, run: usize) -> bool {
        let (slot, tool) = (&self.slots[slot], self.runs[run].tool());
        // An id that is the tool's name names no call.
        let is_unnamed = unique_id(&self.runs[run]).is_none() || slot.id.is_none();
        slot.run.is_none() && is_unnamed && names_agree(slot.name, &tool.name)
    }

    fn likeness(&self, slot: usize, run: usize) -> Likeness {
        let Some(digest) = self.runs[run].tool().arguments else {
            return Likeness::Unknown;
        };
        let asked = self.slots[slot].arguments;
        match self.conversation.value(&digest) {
            Some(given) => Likeness::of(asked, given),
            None => Likeness::Unknown,
        }
    }
}
