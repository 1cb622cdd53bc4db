//! The decision about one unit: to which conversation it belongs, if that can be told already.
//!
//! The rules in the order in which they are asked; the first that answers counts. `X` is a conversation of others.
//!
//! ```text
//! known at the points          what comes                     outcome
//! the unit's own mark, X       the same unit again            X, known
//! u1 a1 ends in X              u1 a1 u2                       X, continued
//! u1 a1 ends in X, gone on     u1 a1 v2, same user            X, branched; without a user, once the wait is over
//! u1 a1 is followed in X       u1, answered a1                X, preceded: it is the beginning that was missing
//! u1 failed in X               u1, same user, soon after      X, retried
//! u1 tool a1 ends in X         u1 a1 u2                       X, continued, once the wait is over: tools were forgotten
//! u1 a1 u2 a2 ends in X        u2 a2 u3, long enough          X, overlapped, once the wait is over
//! nothing                      u1                             a conversation of its own, begun
//! nothing                      u1 a1 u2                       waits; then begun
//! ```

use super::Settings;
use super::call::Call;
use super::joint::{How, Joint, Offer, Side};
use super::unit::{Prepares, Unit};
use crate::ids::Digest;
use std::collections::BTreeMap;

/// Waits after which a unit goes its own way even if the one it goes on from is known to wait itself.
const PATIENCE: i64 = 4;

/// What is stored of points, as far as it was loaded.
pub type Joints = BTreeMap<Digest, Joint>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Holds once what it rests on, which was changed, is stored as it is now: first the joint that says whose the
    /// conversation is, then those of the points.
    Settled {
        conversation: String,
        how: How,
        owner: Option<Digest>,
        points: Vec<Digest>,
    },
    /// What [`Chain::announce`](super::Chain::announce) gives is to be written down.
    Waits,
    /// Nothing ties it to a conversation, and nothing was captured with which one could begin.
    LeftOut,
}

pub(super) fn is_over<T>(unit: &Unit<T>, waits: i64, settings: &Settings, now_ms: i64) -> bool {
    unit.since_ms
        .saturating_add(waits.saturating_mul(settings.wait_ms))
        <= now_ms
}

pub(super) fn known(conversation: &str) -> Outcome {
    Outcome::Settled {
        conversation: conversation.to_owned(),
        how: How::Known,
        owner: None,
        points: Vec::new(),
    }
}

/// The decision about one unit with calls.
pub(super) struct Decision<'a, T> {
    unit: &'a Unit<T>,
    settings: &'a Settings,
    joints: &'a mut Joints,
}

impl<'a, T: Prepares> Decision<'a, T> {
    pub(super) fn new(unit: &'a Unit<T>, settings: &'a Settings, joints: &'a mut Joints) -> Self {
        Self {
            unit,
            settings,
            joints,
        }
    }

    pub(super) fn decide(mut self, now_ms: i64) -> Outcome {
        let unit = self.unit;
        if let Some(conversation) = unit.placed.clone().or_else(|| self.written_down()) {
            return known(&conversation);
        }
        let mut perhaps = None;
        for call in unit.entries() {
            for point in &call.continues {
                match self
                    .at(point)
                    .claim(call, &|id| self.allows(id), self.settings)
                {
                    Offer::Join(conversation, how) => {
                        return self.follow(call, &[*point], conversation, how);
                    }
                    Offer::Perhaps(conversation, how) => {
                        perhaps.get_or_insert((call, *point, conversation, how));
                    }
                    Offer::Nothing => {}
                }
            }
        }
        if let Some(outcome) = self.precede().or_else(|| self.retry()) {
            return outcome;
        }
        let forgot = if perhaps.is_none() {
            self.forgot()
        } else {
            None
        };
        let has_place = unit.calls.iter().any(Call::has_place);
        let is_opening = has_place && unit.entries().next().is_none();
        let waits = if self.follows_undecided() {
            PATIENCE
        } else {
            1
        };
        let is_over = is_over(unit, waits, self.settings, now_ms);
        // What is long is not said by everybody: there is no need to wait for somebody who remembers more.
        if let Some((call, point, conversation)) =
            forgot.filter(|(call, ..)| is_over || call.cut.is_some())
        {
            return self.follow(call, &[point], conversation, How::Continued);
        }
        if !is_opening && !is_over {
            return Outcome::Waits;
        }
        if let Some((call, point, conversation, how)) = perhaps {
            return self.follow(call, &[point], conversation, how);
        }
        if !has_place {
            return Outcome::LeftOut;
        }
        self.overlap().unwrap_or_else(|| self.begin())
    }

    /// Where nobody is known who said exactly what a call remembers: who said it with tools in between.
    fn forgot(&self) -> Option<(&'a Call, Digest, String)> {
        let unit = self.unit;
        let unknown = unit.entries().filter(|call| {
            let mut points = call.continues.iter();
            points.all(|point| self.at(point).marks(Side::End).is_empty())
        });
        let mut found = unknown.filter_map(|call| {
            let point = call.forgets?;
            match self
                .at(&point)
                .claim(call, &|id| self.allows(id), self.settings)
            {
                Offer::Join(conversation, _) | Offer::Perhaps(conversation, _) => {
                    Some((call, point, conversation))
                }
                Offer::Nothing => None,
            }
        });
        found.next()
    }

    fn follows_undecided(&self) -> bool {
        let mut continues = self.unit.entries().flat_map(|call| {
            let points = call.continues.iter().chain(&call.forgets);
            points.map(move |point| (call, point))
        });
        let mut cut = self
            .unit
            .entries()
            .filter_map(|call| Some((call, call.cut.as_ref()?.point)));
        continues.any(|(call, point)| self.at(point).has_undecided(call, self.settings))
            || cut.any(|(call, point)| self.at(&point).overlaps_undecided(call, self.settings))
    }

    fn at(&self, point: &Digest) -> &Joint {
        const NOBODY: &Joint = &Joint::NEW;
        self.joints.get(point).unwrap_or(NOBODY)
    }

    /// Whether the users that a conversation is known to be of may include this unit's.
    fn allows(&self, conversation: &str) -> bool {
        let unit = self.unit;
        !unit.has_user() || {
            let owner = self.at(&unit.owner(conversation));
            !unit
                .calls
                .iter()
                .any(|call| owner.is_of_another_than(&call.who))
        }
    }

    /// Where the unit was put before, if it comes again.
    fn written_down(&self) -> Option<String> {
        let mut calls = self.unit.calls.iter();
        calls.find_map(|call| {
            let mut follows = call.continues.iter().map(|point| (point, Side::Follower));
            let mut ends = call.ends.iter().map(|point| (point, Side::End));
            let find =
                |(point, side): (&Digest, Side)| self.at(point).conversation_of(side, &call.key);
            follows
                .find_map(find)
                .or_else(|| ends.find_map(find))
                .map(str::to_owned)
        })
    }

    fn follow(
        &mut self,
        call: &Call,
        points: &[Digest],
        conversation: String,
        how: How,
    ) -> Outcome {
        for point in points {
            let mark = call.as_follower(&conversation);
            self.joints
                .entry(*point)
                .or_default()
                .put(Side::Follower, mark, self.settings);
        }
        self.rest_on(points.to_vec(), conversation, how)
    }

    fn rest_on(&mut self, points: Vec<Digest>, conversation: String, how: How) -> Outcome {
        let owner = self.unit.owner(&conversation);
        let mut is_news = false;
        for call in self.unit.calls.iter().filter(|call| call.who.has_user()) {
            let joint = self.joints.entry(owner).or_default();
            is_news |= joint.own(call.as_end(&conversation), self.settings);
        }
        Outcome::Settled {
            conversation,
            how,
            owner: is_news.then_some(owner),
            points,
        }
    }

    fn precede(&mut self) -> Option<Outcome> {
        let found = self.unit.calls.iter().find_map(|call| {
            call.ends.iter().find_map(|point| {
                let conversation =
                    self.at(point)
                        .precede(call, &|id| self.allows(id), self.settings)?;
                Some((call, *point, conversation))
            })
        });
        let (call, point, conversation) = found?;
        let mark = call.as_end(&conversation);
        self.joints
            .entry(point)
            .or_default()
            .put(Side::End, mark, self.settings);
        Some(self.rest_on(vec![point], conversation, How::Preceded))
    }

    fn retry(&mut self) -> Option<Outcome> {
        let found = self.unit.calls.iter().find_map(|call| {
            let point = call.opening()?;
            let conversation =
                self.at(&point)
                    .retried(call, &|id| self.allows(id), self.settings)?;
            Some((call, point, conversation))
        });
        let (call, point, conversation) = found?;
        Some(self.follow(call, &[point], conversation, How::Retried))
    }

    fn overlap(&mut self) -> Option<Outcome> {
        let found = self.unit.entries().find_map(|call| {
            let joint = self.at(&call.cut.as_ref()?.point);
            let conversation = joint.overlap(call, &|id| self.allows(id), self.settings)?;
            Some((call, conversation))
        });
        let (call, conversation) = found?;
        Some(self.follow(call, &call.continues, conversation, How::Overlapped))
    }

    fn begin(&mut self) -> Outcome {
        let unit = self.unit;
        let conversation = unit.own_conversation();
        // A call that goes on from something says so, for what it goes on from may still come.
        match unit.entries().next() {
            Some(call) => self.follow(call, &call.continues, conversation, How::Begun),
            None => self.rest_on(Vec::new(), conversation, How::Begun),
        }
    }
}
