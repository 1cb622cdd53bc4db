//! When a trace fell silent: after which of its reports none came for so long that what was held of it was let go.

use std::collections::{BTreeMap, BTreeSet};

/// The record times of all reports of a trace, and the silences between them.
///
/// ```text
/// hold 10 s    reports at 1 s, 4 s, 30 s      silent after 4 s (until 14 s it was held), and after 30 s
/// ```
#[derive(Clone, Debug, Default)]
pub(super) struct Silences {
    /// With how many reports have each.
    times: BTreeMap<i64, u32>,
    /// Those after which the next comes later than `hold_ms`.
    ends: BTreeSet<i64>,
}

impl Silences {
    pub(super) fn add(&mut self, at_ms: i64, hold_ms: i64) {
        let count = self.times.entry(at_ms).or_default();
        *count += 1;
        if *count == 1 {
            self.look_around(at_ms, hold_ms);
        }
    }

    pub(super) fn remove(&mut self, at_ms: i64, hold_ms: i64) {
        if let Some(count) = self.times.get_mut(&at_ms) {
            *count -= 1;
            if *count == 0 {
                self.times.remove(&at_ms);
                self.ends.remove(&at_ms);
                self.look_around(at_ms, hold_ms);
            }
        }
    }

    /// Sets right what is said of a time, and of the one before it.
    fn look_around(&mut self, at_ms: i64, hold_ms: i64) {
        let before = self.times.range(..at_ms).next_back();
        let here = self.times.get_key_value(&at_ms);
        let looked_at: Vec<i64> = before.into_iter().chain(here).map(|(ms, _)| *ms).collect();
        for ms in looked_at {
            let next = self.times.range(ms.saturating_add(1)..).next();
            if next.is_some_and(|(next_ms, _)| next_ms - ms > hold_ms) {
                self.ends.insert(ms);
            } else {
                self.ends.remove(&ms);
            }
        }
    }

    /// Whether nothing was let go so far.
    pub(super) fn is_calm(&self) -> bool {
        self.ends.is_empty()
    }

    /// Whether a report of this time may change when something was let go: it stands in a silence, or begins one.
    pub(super) fn may_change(&self, at_ms: i64, hold_ms: i64) -> bool {
        if self.times.contains_key(&at_ms) {
            return false;
        }
        let before = self.times.range(..at_ms).next_back();
        let is_last = self.times.range(at_ms..).next().is_none();
        before.is_some_and(|(before_ms, _)| {
            self.ends.contains(before_ms) || is_last && at_ms - before_ms > hold_ms
        })
    }

    /// Up to when what was held at this time was held at least: `hold_ms` after the report that the next silence follows;
    /// `i64::MAX` when none has followed so far.
    pub(super) fn held_until_ms(&self, at_ms: i64, hold_ms: i64) -> i64 {
        let last = self.times.range(..=at_ms).next_back();
        let from_ms = last.map_or(at_ms, |(last_ms, _)| *last_ms);
        let end = self.ends.range(from_ms..).next();
        end.map_or(i64::MAX, |end_ms| end_ms.saturating_add(hold_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOLD_MS: i64 = 10;

    fn of(times: &[i64]) -> Silences {
        let mut silences = Silences::default();
        times.iter().for_each(|at_ms| silences.add(*at_ms, HOLD_MS));
        silences
    }

    #[test]
    fn what_is_held_is_held_until_a_while_after_the_last_report_before_a_silence() {
        let silences = of(&[30, 1, 4]);
        assert_eq!(silences.held_until_ms(1, HOLD_MS), 14);
        assert_eq!(silences.held_until_ms(4, HOLD_MS), 14);
        assert_eq!(silences.held_until_ms(9, HOLD_MS), 14, "between reports");
        assert_eq!(
            silences.held_until_ms(30, HOLD_MS),
            i64::MAX,
            "nobody knows yet"
        );
    }

    proptest! {
        /// Each copy of a report may turn out to have been recorded earlier.
        #[test]
        fn they_are_a_function_of_the_times(
            times in prop::collection::vec((0..100_i64, 0..50_i64), 1..20),
            at_ms in 0..100_i64,
        ) {
            let mut moved = Silences::default();
            for (at_ms, _) in &times {
                moved.add(*at_ms, HOLD_MS);
            }
            for (at_ms, earlier_ms) in &times {
                moved.remove(*at_ms, HOLD_MS);
                moved.add(at_ms - earlier_ms, HOLD_MS);
            }
            let moved_times: Vec<i64> = times.iter().map(|(at_ms, earlier_ms)| at_ms - earlier_ms).collect();
            let straight = of(&moved_times);
            prop_assert_eq!(moved.held_until_ms(at_ms, HOLD_MS), straight.held_until_ms(at_ms, HOLD_MS));
        }
    }
}
