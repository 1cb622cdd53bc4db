//! Times that can be relied on, whatever the producer's clock said.

use crate::limits::Limits;
use crate::raw::Attributes;

const NS_PER_MS: i64 = 1_000_000;

/// Before 2000 no GenAI span was made: such a start is a unit mistaken or a clock never set.
const EARLIEST_NS: i64 = 946_684_800_000_000_000;

/// Longest duration believed of a span whose clock is wrong. Agents run for hours, not for weeks.
const DURATION_NS_MAX: i64 = 7 * 24 * 3600 * 1000 * NS_PER_MS;

/// Start and end in Unix nanoseconds: both positive, in order, and not far in the future of the record that brought
/// them. What was changed is kept under `colloquy.original_…`.
pub(crate) fn repair(
    start_ns: i64,
    end_ns: i64,
    record_ms: i64,
    limits: &Limits,
    attributes: &mut Attributes,
) -> (i64, i64) {
    let record_ns = record_ms.saturating_mul(NS_PER_MS).max(1);
    let latest_ns =
        record_ns.saturating_add(limits.future_tolerance_ms.max(0).saturating_mul(NS_PER_MS));
    let start = if start_ns < EARLIEST_NS || start_ns > latest_ns {
        record_ns
    } else {
        start_ns
    };
    let end = if start_ns > latest_ns && end_ns > start_ns {
        // A clock that runs ahead still measures how long the call took.
        start.saturating_add(end_ns.saturating_sub(start_ns).min(DURATION_NS_MAX))
    } else if end_ns > latest_ns {
        start.max(record_ns)
    } else {
        end_ns.max(start)
    };
    if start != start_ns && start_ns != 0 {
        attributes.insert(
            "colloquy.original_start_time_unix_nano".into(),
            start_ns.into(),
        );
    }
    if end_ns > latest_ns {
        attributes.insert("colloquy.original_end_time_unix_nano".into(), end_ns.into());
    }
    (start, end)
}

/// The time of a log record: its own, or its record's when it has none or one that cannot be.
pub(crate) fn of_log(time_ns: i64, record_ms: i64, limits: &Limits) -> i64 {
    repair(time_ns, time_ns, record_ms, limits, &mut Attributes::new()).0
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD_MS: i64 = 1_795_414_965_000;
    const RECORD_NS: i64 = RECORD_MS * NS_PER_MS;
    const HOUR_NS: i64 = 3600 * 1000 * NS_PER_MS;

    fn repaired(start: i64, end: i64) -> (i64, i64) {
        repair(
            start,
            end,
            RECORD_MS,
            &Limits::default(),
            &mut Attributes::new(),
        )
    }

    #[test]
    fn good_times_stay() {
        assert_eq!(
            repaired(RECORD_NS - HOUR_NS, RECORD_NS),
            (RECORD_NS - HOUR_NS, RECORD_NS)
        );
        let ahead = RECORD_NS + HOUR_NS;
        assert_eq!(
            repaired(ahead, ahead + 5),
            (ahead, ahead + 5),
            "within tolerance"
        );
    }

    #[test]
    fn missing_and_absurd_times_become_the_records() {
        assert_eq!(repaired(0, 0), (RECORD_NS, RECORD_NS));
        assert_eq!(repaired(0, RECORD_NS - 5), (RECORD_NS, RECORD_NS));
        assert_eq!(repaired(-7, i64::MIN), (RECORD_NS, RECORD_NS));
        // Milliseconds where nanoseconds were meant.
        assert_eq!(repaired(RECORD_MS, RECORD_MS + 3), (RECORD_NS, RECORD_NS));
        assert_eq!(
            repaired(RECORD_NS, RECORD_NS - 1),
            (RECORD_NS, RECORD_NS),
            "end before start"
        );
        assert_eq!(
            repaired(RECORD_NS - 9, i64::MAX),
            (RECORD_NS - 9, RECORD_NS)
        );
    }

    #[test]
    fn a_clock_that_runs_ahead_keeps_its_durations() {
        let ahead = RECORD_NS + 48 * HOUR_NS;
        let mut attributes = Attributes::new();
        let times = repair(
            ahead,
            ahead + 1_000,
            RECORD_MS,
            &Limits::default(),
            &mut attributes,
        );
        assert_eq!(times, (RECORD_NS, RECORD_NS + 1_000));
        assert_eq!(
            attributes["colloquy.original_start_time_unix_nano"],
            serde_json::json!(ahead)
        );
        assert_eq!(repaired(i64::MAX - 1, i64::MAX), (RECORD_NS, RECORD_NS + 1));
    }

    #[test]
    fn nothing_overflows() {
        for start in [i64::MIN, -1, 0, 1, i64::MAX] {
            for end in [i64::MIN, -1, 0, 1, i64::MAX] {
                for record in [i64::MIN, -1, 0, 1, i64::MAX] {
                    let (start, end) = repair(
                        start,
                        end,
                        record,
                        &Limits::default(),
                        &mut Attributes::new(),
                    );
                    assert!(start > 0 && end >= start);
                }
            }
        }
    }
}
