//! What is written down about a unit that is settled, or that waits.

use super::Settings;
use super::call::Call;
use super::joint::{Joint, Mark, Side};
use super::unit::{Prepares, Unit};
use super::who::{Relation, Who};
use crate::ids::Digest;

/// A user of a conversation is written down anew when this part of the window has passed.
const OWNER_PARTS: i64 = 16;
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

/// What others may go on from.
pub(super) fn ends(call: &Call, conversation: &str) -> Vec<Put> {
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

pub(super) fn of<T: Prepares>(unit: &Unit<T>, conversation: &str) -> Vec<Put> {
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
    pub(super) fn own(&mut self, mark: Mark, settings: &Settings) -> bool {
        let fresh_ms = mark
            .record_ms
            .saturating_sub(settings.window_ms / OWNER_PARTS);
        let is_known = self.marks(Side::End).iter().any(|known| {
            known.who.user(&mark.who) == Relation::Same && known.record_ms >= fresh_ms
        });
        !is_known && self.put(Side::End, mark, settings)
    }

    pub(super) fn is_of_another_than(&self, who: &Who) -> bool {
        self.marks(Side::End)
            .iter()
            .any(|known| known.who.user(who) == Relation::Contradicts)
    }
}
