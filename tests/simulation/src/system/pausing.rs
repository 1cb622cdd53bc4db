//! When the model of the poll thread pauses: everything when there has been no room for a while, single partitions when the
//! pipeline says so.

use super::Flaw;
use super::client::Client;
use processor::source::TopicPartition;
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

/// So long there must have been no room before partitions are paused.
const PAUSE_AFTER_MS: i64 = 1_000;

#[derive(Debug, Default)]
pub struct Pausing {
    /// Since when there has been no room.
    pub pressed_since_ms: Option<i64>,
    /// Partitions that stand still while the others are read.
    standing: BTreeSet<TopicPartition>,
    /// What fetching was told.
    applied: Paused,
}

/// What is paused.
#[derive(Clone, Debug, Default, PartialEq)]
struct Paused {
    all: bool,
    some: BTreeSet<TopicPartition>,
}

impl Paused {
    fn contains(&self, partition: &TopicPartition) -> bool {
        self.all || self.some.contains(partition)
    }
}

/// What fetching was told anew.
#[derive(Debug)]
pub struct Told {
    pub pauses_all: bool,
    what: Paused,
}

impl Display for Told {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        match (self.what.all, self.what.some.is_empty()) {
            (true, _) => to.write_str("pauses"),
            (false, true) => to.write_str("resumes"),
            (false, false) => write!(to, "pauses {:?} alone", self.what.some),
        }
    }
}

impl Pausing {
    /// An assignment begins unpaused.
    pub fn is_newly_assigned(&mut self) {
        self.applied = Paused::default();
    }

    pub fn is_pressed_or_paused(&self) -> bool {
        self.pressed_since_ms.is_some() || self.applied.all
    }

    /// Whether nothing is fetched of this partition.
    pub fn stands_still(&self, partition: &TopicPartition) -> bool {
        self.standing.contains(partition) || self.applied.contains(partition)
    }

    /// When everything is paused, if nothing changes.
    pub fn pauses_ms(&self) -> i64 {
        self.pressed_since_ms.unwrap_or_default() + PAUSE_AFTER_MS
    }

    fn wanted(&self, now_ms: i64) -> Paused {
        let is_long = |since_ms: i64| now_ms - since_ms >= PAUSE_AFTER_MS;
        Paused {
            all: self.pressed_since_ms.is_some_and(is_long),
            some: self.standing.clone(),
        }
    }
}

impl Client {
    /// Exactly these partitions are read no further.
    pub fn stand_still(&mut self, partitions: BTreeSet<TopicPartition>) {
        self.held
            .retain(|held| !partitions.contains(&held.at.partition));
        self.look_for_pressure();
        self.pausing.standing = partitions;
    }

    pub fn look_for_pressure(&mut self) {
        if self.held.is_empty() {
            self.pausing.pressed_since_ms = None;
        }
    }

    pub fn is_to_pause_or_resume(&self, now_ms: i64) -> bool {
        self.waiting.is_none() && self.pausing.wanted(now_ms) != self.pausing.applied
    }

    /// Brings fetching in line with what is wanted.
    pub fn pause_or_resume(&mut self, now_ms: i64, turn_ms: i64) -> Told {
        let wanted = self.pausing.wanted(now_ms);
        let applied = std::mem::replace(&mut self.pausing.applied, wanted.clone());
        self.fetcher
            .set_paused(|partition| wanted.contains(partition), now_ms + turn_ms);
        if self.flaw != Flaw::UncountedResumptions {
            for (partition, owned) in &mut self.owned {
                if applied.contains(partition) && !wanted.contains(partition) {
                    owned.reading.begun_ms = now_ms;
                }
            }
        }
        Told {
            pauses_all: wanted.all && !applied.all,
            what: wanted,
        }
    }
}
