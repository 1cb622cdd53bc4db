//! A point at which calls meet: those whose answer leads up to it, and those that go on from it.
//!
//! Who comes first does not matter. What is stored of a point is this value, changed by compare-and-set, so that any
//! number of processors take their decisions about it one after the other.

use super::Settings;
use super::call::Call;
use super::who::{Relation, Who};
use crate::ids::{Digest, SpanKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far the clocks of two machines may disagree on whether an answer was there before someone went on from it.
const CLOCK_SKEW_NS: i64 = 5_000_000_000;

/// Stands for the conversation of a call that waits itself.
pub(super) const UNDECIDED: &str = "";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Joint {
    #[serde(rename = "e", skip_serializing_if = "Vec::is_empty")]
    ends: Vec<Mark>,
    #[serde(rename = "f", skip_serializing_if = "Vec::is_empty")]
    followers: Vec<Mark>,
}

/// A call at a point, with the conversation that it was given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    #[serde(rename = "k")]
    pub key: SpanKey,
    #[serde(rename = "c")]
    pub conversation: String,
    /// Of an end: when the answer was there. Of a follower: when the call began.
    #[serde(rename = "a")]
    pub at_ns: i64,
    #[serde(rename = "r")]
    pub record_ms: i64,
    #[serde(rename = "w", default, skip_serializing_if = "is_default")]
    pub who: Who,
    /// Of a follower: its whole history.
    #[serde(rename = "h", default, skip_serializing_if = "is_default")]
    pub tip: Option<Digest>,
    #[serde(rename = "x", default, skip_serializing_if = "is_default")]
    pub failed: bool,
    /// Of an end that cut histories may go on from: see [`super::call::Tail`].
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    pub turns: Vec<u32>,
    #[serde(rename = "p", default, skip_serializing_if = "is_default")]
    pub is_part: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    End,
    Follower,
}

/// What a point says to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    Join(String, How),
    /// Possible, but what comes later may know better.
    Perhaps(String, How),
    Nothing,
}

/// By what a call found its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum How {
    /// It was given there before: the same call again, or a relative of the trace.
    Known,
    Continued,
    /// The same again after a failure.
    Retried,
    /// Someone had gone on from there already.
    Branched,
    /// By what its cut history has in common with another.
    Overlapped,
    /// Those who go on from it had come before it.
    Preceded,
    /// Nothing comes before it, or nothing that is known.
    Begun,
}

/// A conversation that has ends at a point.
struct Candidate<'a> {
    conversation: &'a str,
    at_ns: i64,
    user: Relation,
    instance: Relation,
    /// Whether somebody has gone on from it, and whether their instances differ from the asking one.
    is_continued: bool,
    contradicts_followers: bool,
}

impl Joint {
    pub(super) const NEW: Self = Self {
        ends: Vec::new(),
        followers: Vec::new(),
    };

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.followers.is_empty()
    }

    pub(super) fn marks(&self, side: Side) -> &[Mark] {
        match side {
            Side::End => &self.ends,
            Side::Follower => &self.followers,
        }
    }

    /// The conversation of a call that stands here already.
    pub fn conversation_of(&self, side: Side, key: &SpanKey) -> Option<&str> {
        let mark = self.marks(side).iter().find(|mark| mark.key == *key)?;
        Some(mark.conversation.as_str()).filter(|conversation| *conversation != UNDECIDED)
    }

    /// Whether a call that waits itself may be the one that this call goes on from.
    pub(super) fn has_undecided(&self, call: &Call, settings: &Settings) -> bool {
        let mut undecided = self.ends.iter().filter(|end| end.conversation == UNDECIDED);
        undecided.any(|end| end.key != call.key && may_precede(end, call, settings))
    }

    /// All conversations that have a mark here.
    pub fn conversations(&self) -> impl Iterator<Item = &str> {
        self.ends
            .iter()
            .chain(&self.followers)
            .map(|mark| mark.conversation.as_str())
    }

    /// Writes a call down; false if it stands here already. What is too old goes, and beyond the bound the oldest.
    pub fn put(&mut self, side: Side, mark: Mark, settings: &Settings) -> bool {
        if self.conversation_of(side, &mark.key).is_some() {
            return false;
        }
        let is_undecided = mark.conversation == UNDECIDED;
        if is_undecided && self.marks(side).iter().any(|known| known.key == mark.key) {
            return false;
        }
        let oldest_ms = mark.record_ms.saturating_sub(settings.window_ms);
        let marks = match side {
            Side::End => &mut self.ends,
            Side::Follower => &mut self.followers,
        };
        marks.retain(|known| known.key != mark.key);
        marks.push(mark);
        marks.retain(|mark| mark.record_ms >= oldest_ms);
        marks.sort_by_key(|mark| (mark.at_ns, mark.key));
        if marks.len() > settings.candidates_max {
            marks.remove(0);
        }
        true
    }

    /// Which conversation a call goes on in that continues from here. `allowed` refuses conversations of other users.
    pub fn claim(&self, call: &Call, allowed: &dyn Fn(&str) -> bool, settings: &Settings) -> Offer {
        if let Some(conversation) = self.retried(call, allowed, settings) {
            return Offer::Join(conversation, How::Retried);
        }
        let candidates = self.candidates(call, allowed, settings);
        let oldest = |pick: &dyn Fn(&Candidate<'_>) -> bool| {
            let picked = candidates.iter().filter(|candidate| pick(candidate));
            let oldest = picked.min_by_key(|candidate| (candidate.at_ns, candidate.conversation));
            oldest.map(|candidate| candidate.conversation.to_owned())
        };
        let is_users = |candidate: &Candidate<'_>| candidate.user == Relation::Same;
        let on = |instance| {
            move |candidate: &Candidate<'_>| {
                candidate.instance == instance && !candidate.is_continued
            }
        };
        if let Some(own) = oldest(&|candidate| is_users(candidate) && !candidate.is_continued) {
            return Offer::Join(own, How::Continued);
        }
        if let Some(own) = oldest(&is_users) {
            return Offer::Join(own, How::Branched);
        }
        if let Some(fresh) = oldest(&on(Relation::Same)) {
            return Offer::Join(fresh, How::Continued);
        }
        let near_but_continued = candidates
            .iter()
            .any(|candidate| candidate.instance == Relation::Same);
        let has_fresh = candidates.iter().any(|candidate| !candidate.is_continued);
        if has_fresh && near_but_continued {
            // The same person going back, or another one who happens to be served by the same instance.
            return Offer::Nothing;
        }
        if let Some(fresh) = oldest(&on(Relation::Unknown)) {
            return Offer::Join(fresh, How::Continued);
        }
        if let Some(fresh) = oldest(&on(Relation::Contradicts)) {
            // Services run on several machines. What many may have said waits for one who said it on this machine.
            let is_sure = candidates.len() == 1 && call.cut.is_some();
            let join = if is_sure { Offer::Join } else { Offer::Perhaps };
            return join(fresh, How::Continued);
        }
        branch(&candidates)
    }

    /// A call with the same history that failed shortly before, or the other way round, by the same user and instance.
    pub fn retried(
        &self,
        call: &Call,
        allowed: &dyn Fn(&str) -> bool,
        settings: &Settings,
    ) -> Option<String> {
        let is_again = |other: &&Mark| {
            let between_ms = (call.start_ns - other.at_ns).abs() / 1_000_000;
            let earlier_failed = if other.at_ns <= call.start_ns {
                other.failed
            } else {
                call.failed
            };
            earlier_failed
                && other.tip == call.tip
                && between_ms <= settings.retry_ms
                && other.who.is_same(&call.who)
                && allowed(&other.conversation)
        };
        let found = self.followers.iter().filter(is_again);
        let nearest = found.min_by_key(|other| ((call.start_ns - other.at_ns).abs(), other.key));
        nearest.map(|other| other.conversation.clone())
    }

    /// Which conversation a call precedes whose answer ends here: one that went on from here and whose beginning is
    /// missing. The counterpart of [`Joint::claim`].
    pub fn precede(
        &self,
        call: &Call,
        allowed: &dyn Fn(&str) -> bool,
        settings: &Settings,
    ) -> Option<String> {
        let has_end =
            |conversation: &str| self.ends.iter().any(|end| end.conversation == conversation);
        let orphans = self.followers.iter().filter(|follower| {
            !has_end(&follower.conversation)
                && near(follower, call, settings)
                && follower.at_ns >= call.end_ns - CLOCK_SKEW_NS
                && follower.who.user(&call.who) != Relation::Contradicts
                && allowed(&follower.conversation)
        });
        let orphans: Vec<&Mark> = orphans.collect();
        let is_only = orphans
            .iter()
            .all(|orphan| orphan.conversation == orphans[0].conversation);
        let nearest = orphans.into_iter().max_by_key(|orphan| {
            let relations = (orphan.who.user(&call.who), orphan.who.instance(&call.who));
            (relations, std::cmp::Reverse((orphan.at_ns, orphan.key)))
        })?;
        let is_strange = nearest.who.instance(&call.who) == Relation::Contradicts
            && nearest.who.user(&call.who) != Relation::Same;
        (is_only || !is_strange).then(|| nearest.conversation.clone())
    }

    /// The only conversation whose newest turns are all of a cut history.
    pub fn overlap(
        &self,
        call: &Call,
        allowed: &dyn Fn(&str) -> bool,
        settings: &Settings,
    ) -> Option<String> {
        let mut found = self
            .overlapping(call, settings)
            .filter(|end| end.conversation != UNDECIDED && allowed(&end.conversation))
            .map(|end| &end.conversation);
        let first = found.next()?;
        found.all(|other| other == first).then(|| first.clone())
    }

    /// The same of a call that waits itself.
    pub(super) fn overlaps_undecided(&self, call: &Call, settings: &Settings) -> bool {
        self.overlapping(call, settings)
            .any(|end| end.conversation == UNDECIDED)
    }

    /// The ends that a cut history may have been cut from: its turns are their newest, and they have more.
    fn overlapping<'a>(
        &'a self,
        call: &'a Call,
        settings: &'a Settings,
    ) -> impl Iterator<Item = &'a Mark> {
        let turns = call.cut.as_ref().map_or(&[][..], |cut| &cut.turns);
        self.ends.iter().filter(move |end| {
            let compared = end.turns.len().min(turns.len());
            let newest = |turns: &'a [u32]| &turns[turns.len() - compared..];
            let is_longer = end.turns.len() > turns.len() || end.is_part;
            is_longer
                && compared > 0
                && newest(turns) == newest(&end.turns)
                && end.key != call.key
                && may_precede(end, call, settings)
        })
    }

    fn candidates(
        &self,
        call: &Call,
        allowed: &dyn Fn(&str) -> bool,
        settings: &Settings,
    ) -> Vec<Candidate<'_>> {
        let mut by_conversation: BTreeMap<&str, Vec<&Mark>> = BTreeMap::new();
        let before = |end: &&Mark| {
            let is_decided = end.conversation != UNDECIDED;
            is_decided && end.key != call.key && may_precede(end, call, settings)
        };
        for end in self.ends.iter().filter(before) {
            by_conversation
                .entry(&end.conversation)
                .or_default()
                .push(end);
        }
        let mut candidates = Vec::new();
        for (conversation, ends) in by_conversation {
            let of_it = |mark: &&Mark| mark.conversation == conversation && mark.key != call.key;
            let followers: Vec<&Mark> = self.followers.iter().filter(of_it).collect();
            let users = ends
                .iter()
                .chain(&followers)
                .map(|mark| mark.who.user(&call.who));
            let user = users.clone().max().unwrap_or(Relation::Unknown);
            if users.clone().any(|user| user == Relation::Contradicts) || !allowed(conversation) {
                continue;
            }
            candidates.push(Candidate {
                conversation,
                at_ns: ends.iter().map(|end| end.at_ns).min().unwrap_or_default(),
                user,
                instance: ends
                    .iter()
                    .map(|end| end.who.instance(&call.who))
                    .max()
                    .unwrap_or(Relation::Unknown),
                is_continued: !followers.is_empty(),
                contradicts_followers: followers
                    .iter()
                    .any(|mark| mark.who.instance(&call.who) == Relation::Contradicts),
            });
        }
        candidates
    }
}

/// When everything here has been continued: a regenerated or edited turn, if it is clear whose.
fn branch(candidates: &[Candidate<'_>]) -> Offer {
    let possible: Vec<_> = candidates
        .iter()
        .filter(|candidate| {
            candidate.instance != Relation::Contradicts && !candidate.contradicts_followers
        })
        .collect();
    let near: Vec<_> = possible
        .iter()
        .filter(|candidate| candidate.instance == Relation::Same)
        .collect();
    match (&near[..], &possible[..]) {
        ([only], _) => Offer::Perhaps(only.conversation.to_owned(), How::Branched),
        ([], [only]) if candidates.len() == 1 => {
            Offer::Perhaps(only.conversation.to_owned(), How::Branched)
        }
        _ => Offer::Nothing,
    }
}

fn may_precede(end: &Mark, call: &Call, settings: &Settings) -> bool {
    near(end, call, settings)
        && end.at_ns <= call.start_ns + CLOCK_SKEW_NS
        && end.who.user(&call.who) != Relation::Contradicts
}

fn near(mark: &Mark, call: &Call, settings: &Settings) -> bool {
    (mark.record_ms - call.record_ms).abs() <= settings.window_ms
}
