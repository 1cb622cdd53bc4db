//! In which conversations a span stands, and since when: a function of the reports and their record times.

use super::tree::{Since, Tree};
use crate::conversation::ANCESTORS_MAX;
use crate::ids::SpanId;
use serde::{Deserialize, Serialize};

/// By which rule a span stands in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    Own,
    Ancestor,
    OnlyOneInTrace,
    /// No span of the trace has an id, and the trace was made a conversation.
    Trace,
    /// A call that it belongs to, or itself, was chained by its history.
    History,
}

/// A time during which a span stands in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    pub conversation: String,
    pub rule: Rule,
    /// Record time in Unix milliseconds.
    pub from_ms: i64,
    /// `None` for the last one, which has no end.
    pub until_ms: Option<i64>,
}

/// Whether a span stands anywhere by now.
pub(super) fn stands(stays: &[Stay]) -> bool {
    stays.last().is_some_and(|stay| stay.until_ms.is_none())
}

/// Since when a span, first recorded at `first_ms`, stands nowhere; of one that stands somewhere, since when it last did not.
pub(super) fn nowhere_since_ms(stays: &[Stay], first_ms: i64) -> i64 {
    let next_ms = |at: usize| stays.get(at + 1).map(|stay| stay.from_ms);
    let lost = stays.iter().enumerate().rev().find_map(|(at, stay)| {
        let until_ms = stay.until_ms?;
        (next_ms(at) != Some(until_ms)).then_some(until_ms)
    });
    lost.unwrap_or(first_ms)
}

/// Where a span stands after a time, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing {
    Nowhere(i64),
    /// When anything last bore on it.
    Placed(i64),
}

/// How much is known of a trace. Of two states of one trace the later one knows more: more reports, or as many of which some
/// were recorded earlier than was known before, or more decisions about spans that no id places. So what a later state says
/// of a span counts, whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Rank {
    #[serde(rename = "n")]
    pub reports: u32,
    #[serde(rename = "e")]
    pub earliness: i64,
    #[serde(rename = "g", default)]
    pub given: u32,
}

/// What was decided about a span that no id places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assumed<'a> {
    pub(super) conversation: &'a str,
    pub(super) rule: Rule,
    pub(super) from_ms: i64,
}

/// The stays of what was recorded of a span without an id of its own, at `record_ms`. `held_until_ms` says up to when
/// names counted for what stood so: later ones found nothing held that they could move.
pub(super) fn stays(
    tree: &Tree,
    trace: &str,
    span: SpanId,
    record_ms: i64,
    assumed: Option<Assumed<'_>>,
    held_until_ms: impl Fn(Standing) -> i64,
) -> Vec<Stay> {
    let ancestors = by_ancestors(tree, span, |span| tree.name(span));
    let sessions = by_ancestors(tree, span, |span| tree.session(span));
    let response_ms = tree.response_ms();
    let (only, second_ms) = tree.first_names();
    let names = ancestors.iter().chain(&sessions);
    let mut times: Vec<i64> = names.map(|name| name.record_ms).collect();
    times.extend(response_ms);
    times.extend(only.map(|name| name.record_ms));
    times.extend(second_ms);
    times.extend(assumed.as_ref().map(|assumed| assumed.from_ms));
    times.push(record_ms);
    times.retain(|at_ms| *at_ms >= record_ms);
    times.sort_unstable();
    times.dedup();
    let at = |now_ms: i64| -> Option<(&str, Rule)> {
        let is_known = |name: &&Since<&str>| name.record_ms <= now_ms;
        let named = ancestors.iter().find(is_known);
        let is_only = second_ms.is_none_or(|second_ms| now_ms < second_ms);
        let only = only.filter(|name| is_only && name.record_ms <= now_ms);
        named
            .map(|name| (name.value, Rule::Ancestor))
            .or(only.map(|name| (name.value, Rule::OnlyOneInTrace)))
            .or_else(|| {
                let session = sessions.iter().find(is_known)?;
                Some((session.value, Rule::Ancestor))
            })
            .or_else(|| {
                let is_known = response_ms.is_some_and(|response_ms| response_ms <= now_ms);
                is_known.then_some((trace, Rule::Trace))
            })
            .or_else(|| {
                let assumed = assumed
                    .as_ref()
                    .filter(|assumed| assumed.from_ms <= now_ms)?;
                Some((assumed.conversation, assumed.rule))
            })
    };
    let mut stays: Vec<Stay> = Vec::new();
    let mut standing = Standing::Nowhere(record_ms);
    for now_ms in times {
        if now_ms > held_until_ms(standing) {
            break;
        }
        let found = at(now_ms);
        standing = match (standing, found) {
            (_, Some(_)) => Standing::Placed(now_ms),
            (Standing::Placed(_), None) => Standing::Nowhere(now_ms),
            (Standing::Nowhere(since_ms), None) => Standing::Nowhere(since_ms),
        };
        let open = stays.last_mut().filter(|stay| stay.until_ms.is_none());
        match (open, found) {
            // It stays; by which rule it does is what is known best.
            (Some(stay), Some((conversation, rule))) if stay.conversation == conversation => {
                stay.rule = stay.rule.min(rule);
            }
            (open, found) => {
                if let Some(stay) = open {
                    stay.until_ms = Some(now_ms);
                }
                stays.extend(found.map(|(conversation, rule)| Stay {
                    conversation: conversation.to_owned(),
                    rule,
                    from_ms: now_ms,
                    until_ms: None,
                }));
            }
        }
    }
    stays
}

/// The names at and above a span, the nearest first, each with the time since when it was known to stand above. Those
/// that a nearer one hid all the time are left out.
fn by_ancestors<'a>(
    tree: &Tree,
    span: SpanId,
    name_of: impl Fn(SpanId) -> Option<Since<&'a str>>,
) -> Vec<Since<&'a str>> {
    let mut found: Vec<Since<&str>> = Vec::new();
    let mut hidden_from_ms = i64::MAX;
    let mut known_ms = i64::MIN;
    let mut next = Some(span);
    for _ in 0..ANCESTORS_MAX {
        let Some(span) = next else { break };
        if let Some(name) = name_of(span) {
            let record_ms = name.record_ms.max(known_ms);
            if record_ms < hidden_from_ms {
                found.push(Since { record_ms, ..name });
                hidden_from_ms = record_ms;
            }
        }
        let Some(parent) = tree.parent(span) else {
            break;
        };
        known_ms = known_ms.max(parent.record_ms);
        if known_ms >= hidden_from_ms {
            break;
        }
        next = parent.value;
    }
    found
}
