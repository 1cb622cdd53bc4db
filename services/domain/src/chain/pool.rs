//! The units that are not decided yet, and the decision about each.

use super::joint::{How, Joint, Mark, Offer, Side, UNDECIDED};
use super::unit::{Piece, Prepares, Unit, UnitId, units};
use super::who::Relation;
use super::{Settings, call::Call};
use crate::ids::{Digest, TraceId};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Units decided in one round; more wait for the next.
const UNITS_PER_ROUND_MAX: usize = 256;
/// A user of a conversation is written down anew when this part of the window has passed.
const OWNER_PARTS: i64 = 16;
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
    /// What [`Chain::announce`] gives is to be written down.
    Waits,
    /// Nothing ties it to a conversation, and nothing was captured with which one could begin.
    LeftOut,
}

/// What to write down about a unit that is settled. May be written again and in any order.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    pub point: Digest,
    mark: Mark,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    At(Side),
    Owner,
}

impl Put {
    /// False when nothing changes.
    pub fn apply(&self, joint: &mut Joint, settings: &Settings) -> bool {
        match self.place {
            Place::At(side) => joint.put(side, self.mark.clone(), settings),
            Place::Owner => joint.own(self.mark.clone(), settings),
        }
    }
}

/// A unit on its way to its conversation.
#[derive(Debug)]
pub struct Settled<T> {
    pub pieces: Vec<Piece<T>>,
    pub puts: Vec<Put>,
}

/// Units that wait for their decision.
#[derive(Debug)]
pub struct Chain<T> {
    settings: Settings,
    units: BTreeMap<UnitId, Unit<T>>,
    by_trace: FxHashMap<TraceId, BTreeSet<UnitId>>,
}

impl<T: Prepares> Chain<T> {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            units: BTreeMap::new(),
            by_trace: FxHashMap::default(),
        }
    }

    /// Takes in pieces. Undecided pieces of their traces are grouped anew.
    pub fn take(&mut self, pieces: Vec<Piece<T>>) {
        let mut by_trace: BTreeMap<TraceId, Vec<Piece<T>>> = BTreeMap::new();
        for piece in pieces {
            by_trace.entry(piece.key.trace).or_default().push(piece);
        }
        for (trace, mut pieces) in by_trace {
            for id in self.by_trace.remove(&trace).unwrap_or_default() {
                pieces.extend(self.remove(id).into_iter().flat_map(|unit| unit.pieces));
            }
            for unit in units(pieces, &self.settings) {
                self.by_trace.entry(trace).or_default().insert(unit.id());
                self.units.insert(unit.id(), unit);
            }
        }
    }

    /// The units to decide next, in the order of their beginnings. Whoever goes on from a call that is not decided
    /// itself comes after it.
    pub fn ready(&self, now_ms: i64) -> Vec<UnitId> {
        let mut made: FxHashMap<&Digest, UnitId> = FxHashMap::default();
        for (id, unit) in &self.units {
            for point in unit.ends() {
                made.entry(point).or_insert(*id);
            }
        }
        let is_free = |id: &UnitId, unit: &Unit<T>| {
            let mut before = unit
                .entries()
                .flat_map(|call| call.continues.iter().chain(&call.forgets));
            !before.any(|point| made.get(point).is_some_and(|maker| maker < id))
        };
        let ready = self
            .units
            .iter()
            .filter(|(id, unit)| unit.next_try_ms <= now_ms && is_free(id, unit));
        ready.map(|(id, _)| *id).take(UNITS_PER_ROUND_MAX).collect()
    }

    /// The points at which to look for these units.
    pub fn points(&self, ids: &[UnitId]) -> BTreeSet<Digest> {
        let units = ids.iter().filter_map(|id| self.units.get(id));
        let calls = units.flat_map(|unit| &unit.calls);
        calls
            .flat_map(|call| {
                let points = call.continues.iter().chain(&call.ends).copied();
                points
                    .chain(call.opening())
                    .chain(call.forgets)
                    .chain(call.cut.as_ref().map(|cut| cut.point))
            })
            .collect()
    }

    /// What to load besides, once the points are: whose the conversations are that come into question.
    pub fn owners(&self, ids: &[UnitId], joints: &Joints) -> BTreeSet<Digest> {
        let mut owners = BTreeSet::new();
        for id in ids {
            let Some(unit) = self.units.get(id).filter(|unit| unit.has_user()) else {
                continue;
            };
            for point in self.points(&[*id]) {
                let conversations = joints
                    .get(&point)
                    .into_iter()
                    .flat_map(Joint::conversations);
                owners.extend(conversations.map(|conversation| unit.owner(conversation)));
            }
        }
        owners
    }

    /// Decides the units in turn. Joints that decisions rest on are changed in place, so that the next unit sees them.
    pub fn decide(
        &mut self,
        ids: &[UnitId],
        joints: &mut Joints,
        now_ms: i64,
    ) -> Vec<(UnitId, Outcome)> {
        let mut outcomes = Vec::new();
        for id in ids {
            let Some(unit) = self.units.get(id) else {
                continue;
            };
            let outcome = if unit.calls.is_empty() {
                self.rest(unit, now_ms)
            } else {
                Decision {
                    unit,
                    settings: &self.settings,
                    joints,
                }
                .take(now_ms)
            };
            if let (Outcome::Waits, Some(unit)) = (&outcome, self.units.get_mut(id)) {
                unit.next_try_ms = now_ms.saturating_add(self.settings.try_every_ms());
            }
            outcomes.push((*id, outcome));
        }
        outcomes
    }

    /// Takes out a unit whose conversation is certain.
    pub fn settle(&mut self, id: UnitId, conversation: &str) -> Option<Settled<T>> {
        let unit = self.take_out(id)?;
        for other in self.by_trace.get(&unit.trace()).into_iter().flatten() {
            if let Some(other) = self.units.get_mut(other) {
                other.placed_in_trace.insert(conversation.to_owned());
                other.next_try_ms = i64::MIN;
            }
        }
        Some(Settled {
            puts: puts(&unit, conversation),
            pieces: unit.pieces,
        })
    }

    /// Tells others, once, that a unit waits: those who go on from it then do not give up before it does.
    pub fn announce(&mut self, id: UnitId) -> Vec<Put> {
        let Some(unit) = self.units.get_mut(&id).filter(|unit| !unit.is_announced) else {
            return Vec::new();
        };
        unit.is_announced = true;
        unit.calls
            .iter()
            .flat_map(|call| ends(call, UNDECIDED))
            .collect()
    }

    /// Takes out a unit that is left out.
    pub fn give_up(&mut self, id: UnitId) -> Vec<Piece<T>> {
        self.take_out(id)
            .map(|unit| unit.pieces)
            .unwrap_or_default()
    }

    fn take_out(&mut self, id: UnitId) -> Option<Unit<T>> {
        let unit = self.remove(id)?;
        if let Some(ids) = self.by_trace.get_mut(&unit.trace()) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_trace.remove(&unit.trace());
            }
        }
        Some(unit)
    }

    fn remove(&mut self, id: UnitId) -> Option<Unit<T>> {
        self.units.remove(&id)
    }

    /// Tools and agents without a call of their own go where the calls of their trace went, if that is one place.
    fn rest(&self, unit: &Unit<T>, now_ms: i64) -> Outcome {
        let trace = self.by_trace.get(&unit.trace()).into_iter().flatten();
        let mut others = trace.filter_map(|id| self.units.get(id));
        if others.any(|other| !other.calls.is_empty() && other.project == unit.project) {
            return Outcome::Waits;
        }
        let mut places = unit.placed.iter().chain(&unit.placed_in_trace);
        match places.next() {
            Some(first) if places.all(|other| other == first) => known(first),
            None if !is_over(unit, 1, &self.settings, now_ms) => Outcome::Waits,
            _ => Outcome::LeftOut,
        }
    }
}

fn is_over<T>(unit: &Unit<T>, waits: i64, settings: &Settings, now_ms: i64) -> bool {
    unit.since_ms
        .saturating_add(waits.saturating_mul(settings.wait_ms))
        <= now_ms
}

fn known(conversation: &str) -> Outcome {
    Outcome::Settled {
        conversation: conversation.to_owned(),
        how: How::Known,
        owner: None,
        points: Vec::new(),
    }
}

/// The decision about one unit with calls.
struct Decision<'a, T> {
    unit: &'a Unit<T>,
    settings: &'a Settings,
    joints: &'a mut Joints,
}

impl<'a, T: Prepares> Decision<'a, T> {
    fn take(&mut self, now_ms: i64) -> Outcome {
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

/// What others may go on from.
fn ends(call: &Call, conversation: &str) -> Vec<Put> {
    let whole = call
        .ends
        .iter()
        .map(|point| (*point, call.as_end(conversation)));
    let cut = call.tail.as_ref().map(|tail| {
        let mark = Mark {
            turns: tail.turns.clone(),
            is_part: !tail.is_whole,
            ..call.as_end(conversation)
        };
        (tail.point, mark)
    });
    let place = Place::At(Side::End);
    whole
        .chain(cut)
        .map(|(point, mark)| Put { point, mark, place })
        .collect()
}

fn puts<T: Prepares>(unit: &Unit<T>, conversation: &str) -> Vec<Put> {
    unit.calls
        .iter()
        .flat_map(|call| {
            let opening = call
                .opening()
                .filter(|_| call.failed || !call.who.is_empty());
            let follows = call
                .continues
                .iter()
                .copied()
                .chain(opening)
                .map(|point| Put {
                    point,
                    mark: call.as_follower(conversation),
                    place: Place::At(Side::Follower),
                });
            let owner = call.who.has_user().then(|| Put {
                point: unit.owner(conversation),
                mark: call.as_end(conversation),
                place: Place::Owner,
            });
            follows
                .chain(ends(call, conversation))
                .chain(owner)
                .collect::<Vec<_>>()
        })
        .collect()
}

impl Joint {
    /// Writes down a user of the conversation that this joint is about; false if that is known well enough.
    fn own(&mut self, mark: Mark, settings: &Settings) -> bool {
        let fresh_ms = mark
            .record_ms
            .saturating_sub(settings.window_ms / OWNER_PARTS);
        let is_known = self.marks(Side::End).iter().any(|known| {
            known.who.user(&mark.who) == Relation::Same && known.record_ms >= fresh_ms
        });
        !is_known && self.put(Side::End, mark, settings)
    }

    fn is_of_another_than(&self, who: &super::who::Who) -> bool {
        self.marks(Side::End)
            .iter()
            .any(|known| known.who.user(who) == Relation::Contradicts)
    }
}
