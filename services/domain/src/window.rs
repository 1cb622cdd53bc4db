//! Session windows over record time: when a conversation is finalised, and as which revision.
//!
//! A window is a run of records with no gap of `gap_ms` between them. It closes when the watermark passes its last
//! record by the gap. Windows are a function of when the facts were recorded, each when its earliest copy was, so a replay
//! of a topic gives those of the live run: records on either side of a gap fall into different windows even when both are
//! read before the watermark moves, and in whatever order copies of one fact are read.

use crate::conversation::Conversation;
use crate::facts::{Entry, Move};
use crate::news::Settled;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The windows of one conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Windows {
    /// How many windows have closed.
    pub revision: u32,
    /// When the last closed window closed: its last record plus the gap. No later window begins before it.
    pub closed_at_ms: Option<i64>,
    /// The last record of the last closed window. Unknown in what was stored before it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_last_ms: Option<i64>,
    /// Windows that have not closed, oldest first and at least a gap apart. Bounded by [`OPEN_WINDOWS_MAX`].
    pub open: Vec<Window>,
    /// Whether there are more open windows, all after these. They are found again among the facts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_more: bool,
}

/// A replay may run ahead of the watermark by any number of windows of one conversation. This many are kept with it, since
/// it is stored as a whole at every commit; only the oldest is ever needed at once.
pub const OPEN_WINDOWS_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    #[serde(rename = "f")]
    pub first_ms: i64,
    #[serde(rename = "l")]
    pub last_ms: i64,
}

/// A window that closed. [`Conversation::closed_over`] is what this revision of the conversation holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    pub revision: u32,
    pub last_ms: i64,
    pub closed_at_ms: i64,
}

impl Windows {
    /// Takes in an entry that is about to be applied to `known`, and gives each of its facts the record time that it counts
    /// as. A record that is late for a window that has closed counts as of that closing: it opens a new window rather
    /// than change a revision that was given out. What is then no news any more is taken out: the entry may become empty.
    pub fn take_in(&mut self, known: &Conversation, entry: &mut Entry, gap_ms: i64) {
        if let Some(closed_at_ms) = self.closed_at_ms {
            not_before(entry, closed_at_ms);
            for moved in &mut entry.moves {
                known.move_not_before(moved, closed_at_ms);
            }
        }
        let Settled { before, after } = known.settle(entry);
        let open_from_ms = self.open_from_ms();
        let stays: BTreeSet<i64> = after.iter().copied().collect();
        let is_cut = before
            .iter()
            .any(|at_ms| *at_ms >= open_from_ms && !stays.contains(at_ms));
        if is_cut || self.has_more {
            let times = times_with(known, &before, &after);
            let times = times.into_iter().filter(|at_ms| *at_ms >= open_from_ms);
            (self.open, self.has_more) = windows_of(times.collect(), gap_ms, OPEN_WINDOWS_MAX);
            return;
        }
        for at_ms in stays.range(open_from_ms..) {
            self.merge(*at_ms, gap_ms);
        }
        self.has_more = self.open.len() > OPEN_WINDOWS_MAX;
        self.open.truncate(OPEN_WINDOWS_MAX);
    }

    fn merge(&mut self, at_ms: i64, gap_ms: i64) {
        let mut merged = Window {
            first_ms: at_ms,
            last_ms: at_ms,
        };
        self.open.retain(|window| {
            let is_near = at_ms < window.last_ms.saturating_add(gap_ms)
                && window.first_ms < at_ms.saturating_add(gap_ms);
            if is_near {
                merged.first_ms = merged.first_ms.min(window.first_ms);
                merged.last_ms = merged.last_ms.max(window.last_ms);
            }
            !is_near
        });
        let position = self
            .open
            .partition_point(|window| window.first_ms < merged.first_ms);
        self.open.insert(position, merged);
    }

    /// Facts recorded before it are in closed windows.
    fn open_from_ms(&self) -> i64 {
        match (self.closed_last_ms, self.closed_at_ms) {
            (Some(closed_last_ms), _) => closed_last_ms.saturating_add(1),
            (None, Some(closed_at_ms)) => {
                let first = self.open.first();
                first.map_or(closed_at_ms, |window| window.first_ms.min(closed_at_ms))
            }
            (None, None) => i64::MIN,
        }
    }

    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The watermark at which the next window closes; `None` when none is open.
    pub fn due_at_ms(&self, gap_ms: i64) -> Option<i64> {
        let oldest = self.open.first();
        oldest.map(|window| window.last_ms.saturating_add(gap_ms))
    }

    /// Closes the oldest window of the conversation if the watermark has passed it. The facts themselves tell where it
    /// ends, so that a gap that was configured otherwise meanwhile is the only one that counts.
    ///
    /// Where all that came in it had gone again by its end, and no revision was given out before, there is none to give out:
    /// the window closes under the revision that was. After one, the next says that the conversation is empty.
    pub fn close(
        &mut self,
        known: &Conversation,
        watermark_ms: i64,
        gap_ms: i64,
    ) -> Option<Closed> {
        self.due_at_ms(gap_ms)
            .filter(|due_at_ms| *due_at_ms <= watermark_ms)?;
        let open_from_ms = self.open_from_ms();
        let times = known
            .record_times()
            .filter(|at_ms| *at_ms >= open_from_ms)
            .collect();
        let (open, has_more) = windows_of(times, gap_ms, OPEN_WINDOWS_MAX + 1);
        // Windows without facts would be due for ever: they close as they stand.
        if !open.is_empty() {
            (self.open, self.has_more) = (open, has_more);
        }
        let closed_at_ms = self
            .due_at_ms(gap_ms)
            .filter(|due_at_ms| *due_at_ms <= watermark_ms);
        let closed = closed_at_ms.map(|closed_at_ms| {
            let window = self.open.remove(0);
            let is_nothing = self.revision == 0 && known.was_empty(window.last_ms);
            self.revision += u32::from(!is_nothing);
            self.closed_at_ms = Some(closed_at_ms);
            self.closed_last_ms = Some(window.last_ms);
            Closed {
                revision: self.revision,
                last_ms: window.last_ms,
                closed_at_ms,
            }
        });
        self.has_more |= self.open.len() > OPEN_WINDOWS_MAX;
        self.open.truncate(OPEN_WINDOWS_MAX);
        closed
    }

    /// The window that closed last: what is to be given out as the latest revision. The gap is asked for where the end was
    /// not stored.
    pub fn latest(&self, gap_ms: i64) -> Option<Closed> {
        let closed_at_ms = self.closed_at_ms?;
        Some(Closed {
            revision: self.revision,
            last_ms: self
                .closed_last_ms
                .unwrap_or(closed_at_ms.saturating_sub(gap_ms)),
            closed_at_ms,
        })
    }
}

/// Raises the record times of all that is late.
fn not_before(entry: &mut Entry, closed_at_ms: i64) {
    let spans = entry.spans.iter_mut().map(|span| &mut span.record_ms);
    let logs = entry.logs.iter_mut().map(|log| &mut log.record_ms);
    let links = entry.links.iter_mut().map(|link| &mut link.record_ms);
    let times = entry.times.iter_mut().map(|earlier| &mut earlier.record_ms);
    let all = spans.chain(logs).chain(links).chain(times);
    for record_ms in all.chain(&mut entry.omitted_ms) {
        *record_ms = closed_at_ms.max(*record_ms);
    }
}

impl Conversation {
    /// Raises the times at which a span comes and goes, but for those that are known already and for when its facts came.
    fn move_not_before(&self, moved: &mut Move, closed_at_ms: i64) {
        let known = self.moves.get(&moved.key);
        let known = known.map_or(&[][..], |known| &known.during);
        let came_ms = self.first_recorded_ms(&moved.key);
        for (from_ms, until_ms) in &mut moved.during {
            let is_known = known.iter().any(|(known_ms, _)| known_ms == from_ms);
            if !is_known && came_ms.is_none_or(|came_ms| came_ms > *from_ms) {
                *from_ms = closed_at_ms.max(*from_ms);
            }
            let is_known = known.iter().any(|(_, known_ms)| known_ms == until_ms);
            if let Some(until_ms) = until_ms.as_mut().filter(|_| !is_known) {
                *until_ms = closed_at_ms.max(*until_ms);
            }
        }
    }
}

/// The record times of what is known, with `after` in place of `before`.
fn times_with(known: &Conversation, before: &[i64], after: &[i64]) -> Vec<i64> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for at_ms in known.record_times().chain(after.iter().copied()) {
        *counts.entry(at_ms).or_default() += 1;
    }
    for at_ms in before {
        counts.entry(*at_ms).and_modify(|count| *count -= 1);
    }
    counts.retain(|_, count| *count > 0);
    counts.into_keys().collect()
}

/// The oldest windows of these record times, `windows_max` of them at most, and whether there are more.
fn windows_of(mut times: Vec<i64>, gap_ms: i64, windows_max: usize) -> (Vec<Window>, bool) {
    times.sort_unstable();
    let mut windows: Vec<Window> = Vec::new();
    for at_ms in times {
        let is_near = |window: &&mut Window| {
            at_ms == window.last_ms || at_ms < window.last_ms.saturating_add(gap_ms)
        };
        if let Some(window) = windows.last_mut().filter(is_near) {
            window.last_ms = at_ms;
        } else if windows.len() == windows_max {
            return (windows, true);
        } else {
            windows.push(Window {
                first_ms: at_ms,
                last_ms: at_ms,
            });
        }
    }
    (windows, false)
}
