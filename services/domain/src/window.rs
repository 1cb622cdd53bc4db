//! Session windows over record time: when a conversation is finalised, and as which revision.
//!
//! A window is a run of records with no gap of `gap_ms` between them. It closes when the watermark passes its last
//! record by the gap. Windows depend only on record times, so a replay of a topic gives those of the live run: records
//! on either side of a gap fall into different windows even when both are read before the watermark moves.

use serde::{Deserialize, Serialize};

/// The windows of one conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Windows {
    /// How many windows have closed.
    pub revision: u32,
    /// When the last closed window closed: its last record plus the gap. No later window begins before it.
    pub closed_at_ms: Option<i64>,
    /// Windows that have not closed, oldest first and at least a gap apart. Bounded by [`OPEN_WINDOWS_MAX`].
    pub open: Vec<Window>,
}

/// A replay may run ahead of the watermark by this many windows of one conversation; beyond it they merge.
pub const OPEN_WINDOWS_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    #[serde(rename = "f")]
    pub first_ms: i64,
    #[serde(rename = "l")]
    pub last_ms: i64,
}

/// A window that closed: facts recorded up to `last_ms` make up this revision of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    pub revision: u32,
    pub last_ms: i64,
    pub closed_at_ms: i64,
}

impl Windows {
    /// Takes in a fact's record time and returns the time it counts as. A record that is late for a window that has
    /// closed counts as of that closing: it opens a new window rather than change a revision that was given out.
    pub fn record(&mut self, record_ms: i64, gap_ms: i64) -> i64 {
        let at_ms = self
            .closed_at_ms
            .map_or(record_ms, |closed_at_ms| record_ms.max(closed_at_ms));
        let mut merged = Window {
            first_ms: at_ms,
            last_ms: at_ms,
        };
        self.open.retain(|window| {
            let is_near = at_ms < window.last_ms + gap_ms && window.first_ms < at_ms + gap_ms;
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
        if self.open.len() > OPEN_WINDOWS_MAX {
            let second = self.open.remove(1);
            self.open[0].last_ms = second.last_ms;
        }
        at_ms
    }

    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The watermark at which the next window closes; `None` when none is open.
    pub fn due_at_ms(&self, gap_ms: i64) -> Option<i64> {
        self.open.first().map(|window| window.last_ms + gap_ms)
    }

    /// Closes the oldest window if the watermark has passed it.
    pub fn close(&mut self, watermark_ms: i64, gap_ms: i64) -> Option<Closed> {
        let closed_at_ms = self
            .due_at_ms(gap_ms)
            .filter(|due_at_ms| *due_at_ms <= watermark_ms)?;
        let window = self.open.remove(0);
        self.revision += 1;
        self.closed_at_ms = Some(closed_at_ms);
        Some(Closed {
            revision: self.revision,
            last_ms: window.last_ms,
            closed_at_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GAP_MS: i64 = 100;

    fn windows_of(records: &[i64]) -> Windows {
        let mut windows = Windows::default();
        for record_ms in records {
            windows.record(*record_ms, GAP_MS);
        }
        windows
    }

    #[test]
    fn a_silence_closes_and_a_late_record_reopens_as_the_next_revision() {
        let mut windows = windows_of(&[0, 50, 149]);
        assert_eq!(windows.due_at_ms(GAP_MS), Some(249));
        assert_eq!(windows.close(248, GAP_MS), None);
        assert_eq!(
            windows.close(249, GAP_MS),
            Some(Closed {
                revision: 1,
                last_ms: 149,
                closed_at_ms: 249
            })
        );
        assert!(!windows.is_open());
        assert_eq!(
            windows.record(10, GAP_MS),
            249,
            "a late record counts as of the closing"
        );
        assert_eq!(
            windows.close(349, GAP_MS).map(|closed| closed.revision),
            Some(2)
        );
    }

    #[test]
    fn records_a_gap_apart_are_two_windows_even_if_both_come_before_the_watermark() {
        let mut windows = windows_of(&[0, 500]);
        assert_eq!(
            windows.close(10_000, GAP_MS),
            Some(Closed {
                revision: 1,
                last_ms: 0,
                closed_at_ms: 100
            })
        );
        assert_eq!(
            windows.close(10_000, GAP_MS),
            Some(Closed {
                revision: 2,
                last_ms: 500,
                closed_at_ms: 600
            })
        );
        assert_eq!(windows.close(10_000, GAP_MS), None);
    }

    proptest! {
        #[test]
        fn windows_do_not_depend_on_the_order_of_records(mut records in prop::collection::vec(0i64..3_000, 1..40)) {
            let shuffled = windows_of(&records);
            records.sort_unstable();
            let sorted = windows_of(&records);
            prop_assert_eq!(&shuffled, &sorted);
            for pair in sorted.open.windows(2) {
                prop_assert!(pair[1].first_ms - pair[0].last_ms >= GAP_MS);
            }
        }
    }
}
