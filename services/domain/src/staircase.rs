//! The reports of one thing that count at some time: which of them is believed depends on what was recorded by then.
//!
//! A report says nothing once a better one was recorded no later than it. What is left goes up in both: each report is
//! recorded later than the one before and is better. That is a function of the set of reports, whatever their order.

use crate::canonical;
use crate::facts::SpanFact;
use crate::ids::{Digest, SpanId};
use std::cmp::Ordering;
use std::sync::Arc;

/// Orders reports of one thing by how much they are believed.
pub(crate) trait Report {
    /// `Equal` for copies of one report, whenever they were recorded.
    fn rank(&self, other: &Self) -> Ordering;
}

/// A report, and the earliest time at which a copy of it was recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<R> {
    pub(crate) report: R,
    pub(crate) record_ms: i64,
}

/// As many steps as reports were taken in at most; whoever holds one bounds those.
#[derive(Clone, Debug)]
pub(crate) struct Staircase<R>(Vec<Step<R>>);

impl<R: Report> Staircase<R> {
    /// Of the steps of another staircase, oldest first.
    pub(crate) fn of(steps: impl IntoIterator<Item = Step<R>>) -> Self {
        Self(steps.into_iter().collect())
    }

    /// False when it changes nothing: a copy of the report, or a better one, was recorded no later.
    pub(crate) fn place(&mut self, report: R, record_ms: i64) -> bool {
        let position = self
            .0
            .partition_point(|step| step.report.rank(&report).is_lt());
        // The next better one is the first of the better ones.
        match self.0.get_mut(position) {
            Some(step) if step.record_ms <= record_ms => return false,
            Some(step) if step.report.rank(&report).is_eq() => step.record_ms = record_ms,
            _ => self.0.insert(position, Step { report, record_ms }),
        }
        let overtaken = self.0[..position].partition_point(|step| step.record_ms < record_ms);
        self.0.drain(overtaken..position);
        true
    }

    /// Oldest first, the best last.
    pub(crate) fn steps(&self) -> &[Step<R>] {
        &self.0
    }

    pub(crate) fn into_steps(self) -> Vec<Step<R>> {
        self.0
    }
}

impl Report for Arc<SpanFact> {
    fn rank(&self, other: &Self) -> Ordering {
        rank(self, other)
    }
}

/// Of two reports of one span the greater parent counts, so that their order does not.
impl Report for Option<SpanId> {
    fn rank(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

/// Which of two reports of one span is believed: the one that knows more, by a total order, so that any order of arrival
/// keeps the same one. SDKs report a span again when it has ended, or through two exporters. `Equal` for copies.
pub(crate) fn rank(one: &SpanFact, other: &SpanFact) -> Ordering {
    let knows = |span: &SpanFact| {
        (
            span.is_genai,
            !span.content.output.is_empty(),
            span.content.history.is_some(),
            span.tool.as_ref().is_some_and(|tool| tool.result.is_some()),
            span.usage.is_some(),
            span.end_ns,
            span.attributes.len(),
        )
    };
    knows(one)
        .cmp(&knows(other))
        .then_with(|| identity_of(one).cmp(&identity_of(other)))
}

/// All of a span but when it was recorded: a redelivery is no news.
pub(crate) fn identity_of(span: &SpanFact) -> Digest {
    canonical::digest_of(&SpanFact {
        record_ms: 0,
        ..span.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Report for u8 {
        fn rank(&self, other: &Self) -> Ordering {
            self.cmp(other)
        }
    }

    fn steps_of(reports: &[(u8, i64)]) -> Vec<(u8, i64)> {
        let mut staircase = Staircase::of([]);
        for (report, record_ms) in reports {
            staircase.place(*report, *record_ms);
        }
        let steps = staircase.steps().iter();
        steps.map(|step| (step.report, step.record_ms)).collect()
    }

    proptest! {
        #[test]
        fn what_is_left_is_what_no_better_report_was_there_for(reports in prop::collection::vec((0u8..6, 0i64..20), 0..30)) {
            let mut expected: Vec<(u8, i64)> = reports
                .iter()
                .filter(|(report, record_ms)| {
                    !reports.iter().any(|(other, other_ms)| {
                        (other > report && other_ms <= record_ms) || (other == report && other_ms < record_ms)
                    })
                })
                .copied()
                .collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(steps_of(&reports), expected);
        }
    }
}
