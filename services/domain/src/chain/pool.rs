//! The units that are not decided yet.
//!
//! ```text
//! call  goes on from       answer makes      ready?
//! A     -                  point p           yes: it begins
//! B     point p            point q           not before A: A makes p and began earlier
//! C     point x            point y           yes, and it waits: nobody here makes x, others may
//! ```
//!
//! A round is `ready`, `points` and `owners` (what to load), `decide`, and for each unit `settle`, `announce` or `give_up`.

use super::Settings;
use super::decision::{Decision, Joints, Outcome, is_over, known};
use super::joint::{Joint, UNDECIDED};
use super::puts::{self, Put};
use super::unit::{Piece, Prepares, Unit, UnitId, units};
use crate::ids::{Digest, TraceId};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Units decided in one round; more wait for the next.
const UNITS_PER_ROUND_MAX: usize = 256;
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
                Decision::new(unit, &self.settings, joints).decide(now_ms)
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
            puts: puts::of(&unit, conversation),
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
            .flat_map(|call| puts::ends(call, UNDECIDED))
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
