//! What is asked of one project: the arguments of `scripts/places.lua`.

use super::ListQuery;
use super::merge::Position;
use crate::index::ns_to_score;
use crate::keys::{IndexKeys, LONG_CLASSES_US};
use crate::script::{Call, PLACES};

/// Whether the project keeps the listing's moment, so that later pages can be given as of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeepEpoch {
    Never,
    /// If there is more than what is asked for.
    Unfinished,
    /// If there is anything.
    Always,
}

impl KeepEpoch {
    fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Unfinished => "unfinished",
            Self::Always => "always",
        }
    }
}

pub(super) struct Request<'a> {
    pub(super) query: &'a ListQuery,
    pub(super) moment_us: i64,
    pub(super) keep_epoch: KeepEpoch,
    pub(super) after: Option<Position>,
    pub(super) count: usize,
    pub(super) page_ttl_us: u64,
}

/// A list to read, and between which activities.
struct Range {
    key: usize,
    highest: Option<i64>,
    lowest: Option<i64>,
}

impl Request<'_> {
    pub(super) fn call(&self, keys: &IndexKeys) -> Call {
        let mut call = PLACES.call();
        for key in [keys.epochs(), keys.past_floor(), keys.since(), keys.past()] {
            call.key(key);
        }
        let ranges = self.ranges(&mut call, keys);
        let (activity_us, digest) = self
            .after
            .map(|(activity_us, digest)| (activity_us.to_string(), digest.to_string()))
            .unwrap_or_default();
        call.arg(self.moment_us)
            .arg(self.keep_epoch.name())
            .arg(activity_us)
            .arg(digest)
            .arg(self.count);
        call.arg(text(self.query.from_ns.map(ns_to_score)))
            .arg(self.page_ttl_us)
            .arg(self.query.agents.len());
        for range in ranges {
            call.arg(range.key)
                .arg(text(range.highest))
                .arg(text(range.lowest));
        }
        call
    }

    fn ranges(&self, call: &mut Call, keys: &IndexKeys) -> Vec<Range> {
        let all = call.key(keys.all());
        let agents: Vec<usize> = self
            .query
            .agents
            .iter()
            .map(|agent| call.key(keys.agent(agent)))
            .collect();
        let mains = if agents.is_empty() { vec![all] } else { agents };
        let up_to = |highest: Option<i64>| {
            mains.iter().map(move |key| Range {
                key: *key,
                highest,
                lowest: None,
            })
        };
        let Some(to_us) = self.query.to_ns.map(ns_to_score) else {
            return up_to(None).collect();
        };
        // Short conversations that had begun before `to` ended soon after it; longer ones stand in lists of their own.
        let highest = to_us + LONG_CLASSES_US[0];
        let mut ranges: Vec<Range> = up_to(Some(highest)).collect();
        for class in 1..=LONG_CLASSES_US.len() {
            let longest_us = LONG_CLASSES_US.get(class);
            ranges.push(Range {
                key: call.key(keys.long(class)),
                highest: longest_us.map(|longest_us| to_us + longest_us),
                lowest: Some(highest + 1),
            });
        }
        ranges
    }
}

fn text(number: Option<i64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
