//! Where a partition stood at earlier moments: from where to read again when the store has lost its last writes.
//!
//! A store that lost something stands where its record of progress stands, or a little before: the nodes of a cluster do
//! not lose the same last moment, and a slot may have moved between them. So reading goes back further than the record
//! says, by a margin longer than any moment that may have been lost.

use std::collections::VecDeque;
use store::Point;

/// Longer than any last moment that a store loses: appended to disk every second, replicated within seconds.
pub const MARGIN_MS: i64 = 30_000;
/// Points that are closer than this to the one before are not kept, but for the newest.
const SPACING_MS: i64 = 5_000;
/// Enough points for the margin and one beyond it, so that one is always at least the margin old.
pub const POINTS_MAX: usize = 10;

/// Newest first; the last is where the reading began, or at least the margin old.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Points(VecDeque<Point>);

impl Points {
    pub fn from_record(points: &[Point]) -> Self {
        Self(points.iter().take(POINTS_MAX).copied().collect())
    }

    /// A reading begins here, of which no earlier point need be known: nothing was recorded, or only of what lies beyond.
    /// Without this, what was done before the first record could not be read again when it is lost.
    pub fn begin(&mut self, point: Point) {
        let is_covered = |oldest: &Point| oldest.next_offset <= point.next_offset;
        if !self.0.back().is_some_and(is_covered) {
            self.push(point);
        }
    }

    /// Where it stands now. Points beyond it are of another history: the topic was made anew, or is read again.
    pub fn push(&mut self, point: Point) {
        self.0
            .retain(|older| older.next_offset <= point.next_offset);
        let is_close = |newer: &Point, older: &Point| newer.at_ms - older.at_ms < SPACING_MS;
        // The newest one gives way unless it is far enough from the one before it. The oldest stays: nothing is before it.
        if let (Some(newest), Some(before)) = (self.0.front(), self.0.get(1))
            && is_close(newest, before)
        {
            self.0.pop_front();
        }
        self.0.push_front(point);
        while self.0.len() > 2
            && (self.0.len() > POINTS_MAX || self.is_older_than_needed(point.at_ms))
        {
            self.0.pop_back();
        }
    }

    /// Whether the last but one is old enough already.
    fn is_older_than_needed(&self, now_ms: i64) -> bool {
        self.0
            .get(self.0.len() - 2)
            .is_some_and(|point| now_ms - point.at_ms >= MARGIN_MS)
    }

    pub fn newest(&self) -> Option<Point> {
        self.0.front().copied()
    }

    pub fn to_vec(&self) -> Vec<Point> {
        self.0.iter().copied().collect()
    }
}

/// What is left of a partition's points when the last moments before the record are in doubt: those that were the margin
/// old when the newest was written, or the oldest.
///
/// Example: with points of the seconds 100, 95, 80, 69 and 60, those of 69 and 60 are left: nothing written in the 30
/// seconds before 100 counts.
pub fn cut(points: &[Point]) -> Vec<Point> {
    let Some(newest) = points.first() else {
        return Vec::new();
    };
    let is_sure = |point: &&Point| newest.at_ms - point.at_ms >= MARGIN_MS;
    let sure: Vec<Point> = points.iter().filter(is_sure).copied().collect();
    if sure.is_empty() {
        points.last().copied().into_iter().collect()
    } else {
        sure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at_s: i64) -> Point {
        Point {
            at_ms: at_s * 1_000,
            next_offset: at_s * 10,
            time_ms: Some(at_s),
        }
    }

    fn seconds(points: &[Point]) -> Vec<i64> {
        points.iter().map(|point| point.at_ms / 1_000).collect()
    }

    #[test]
    fn one_point_a_second_leaves_few_and_one_beyond_the_margin() {
        let mut points = Points::default();
        for at_s in 0..200 {
            points.push(point(at_s));
            let kept = seconds(&points.to_vec());
            assert_eq!(kept[0], at_s, "the newest");
            let oldest = *kept.last().expect("one");
            assert!(oldest == 0 || at_s - oldest >= 30, "{at_s}: {kept:?}");
            assert!(kept.len() <= POINTS_MAX, "{kept:?}");
            assert!(at_s - oldest <= 45, "no further back than needed: {kept:?}");
        }
    }

    #[test]
    fn what_lies_beyond_is_forgotten() {
        let mut points = Points::from_record(&[point(100), point(90)]);
        points.push(Point {
            next_offset: 950,
            ..point(110)
        });
        assert_eq!(seconds(&points.to_vec()), [110, 90]);
    }

    #[test]
    fn what_was_done_before_the_first_record_is_read_again_too() {
        let mut points = Points::default();
        let start = Point {
            next_offset: 0,
            time_ms: None,
            ..point(100)
        };
        points.begin(start);
        points.push(point(101));
        assert_eq!(cut(&points.to_vec()), [start], "nothing is the margin old");
        let mut recorded = Points::from_record(&[point(100), point(60)]);
        recorded.begin(point(90));
        assert_eq!(seconds(&recorded.to_vec()), [100, 60], "known already");
        recorded.begin(start);
        assert_eq!(recorded.to_vec(), [start], "the topic was made anew");
    }

    #[test]
    fn a_cut_goes_back_by_the_margin_or_to_where_reading_began() {
        let points: Vec<Point> = [100, 95, 80, 69, 60].map(point).into();
        assert_eq!(seconds(&cut(&points)), [69, 60]);
        assert_eq!(seconds(&cut(&points[..3])), [80], "began 20 s ago");
        assert_eq!(cut(&[]), []);
    }
}
