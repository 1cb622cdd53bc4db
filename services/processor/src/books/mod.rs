//! The books: which records are in flight, how far each partition is done, what the store knows of it, what may be
//! committed, how far time has got. A machine without input or output: events in, commands out, `now_ms` is an argument.
//!
//! Control is taken always: assignments, revocations, finished records, answers of the store and time change the books
//! whatever is in flight. Only records need room ([`Books::has_room`]).
//!
//! [`crate::pipeline`] carries the commands out; `tests/simulation` plays the books against stores and consumers that lose
//! what they can.

pub mod ledger;
pub mod offsets;
pub mod points;
mod record;

use crate::source::{Begun, Commitment, Position, Start, TopicPartition};
use ledger::Ledger;
use offsets::OffsetTracker;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use store::{Claimed, Epoch, Found, PartitionProgress, Saved};

/// Names the answer to one revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandoverId(pub u64);

/// What the books are told.
#[derive(Clone, Debug)]
pub enum Event {
    /// Readings of partitions begin, each in a generation of its own.
    Assigned(Vec<Begun>),
    /// Partitions are let go. Their next owner must not find less in the store than is committed.
    Revoked {
        partitions: Vec<TopicPartition>,
        handover: HandoverId,
    },
    /// Partitions are gone: others may own them already.
    Lost(Vec<TopicPartition>),
    /// The process stops: everything is let go.
    Stopping { handover: HandoverId },
    /// A record was read.
    Read {
        at: Position,
        record_ms: i64,
        bytes: usize,
    },
    /// All of a record is written, dead-lettered and delivered, or dropped on purpose.
    Done(Position),
    /// A record is left undone, because its partition is paused: it takes no room, and is not committed.
    Abandoned(Position),
    /// A paused partition goes on, from its first record that is not done.
    ReadAgain(TopicPartition),
    /// See [`OffsetTracker::pass_by`].
    PassedBy {
        partition: TopicPartition,
        until_ms: i64,
    },
    /// See [`OffsetTracker::reach_end`].
    End {
        partition: TopicPartition,
        generation: u64,
        handed_on: Option<i64>,
        end_offset: i64,
        seen_ms: i64,
    },
    /// How many partitions each topic has that is read.
    Topics(BTreeMap<Arc<str>, i32>),
    /// A second has passed.
    Tick,
    /// What the store answered to the one question that is open.
    Store(Answer),
}

/// What the store may be asked, one question at a time.
#[derive(Clone, Debug)]
pub enum Ask {
    Look,
    BeginEpoch {
        found: Found,
        partitions: Vec<PartitionProgress>,
    },
    Claim {
        epoch: Epoch,
        owner: String,
        partitions: Vec<(String, i32)>,
    },
    Save {
        epoch: Epoch,
        owner: String,
        partitions: Vec<PartitionProgress>,
    },
}

/// What it answered.
#[derive(Clone, Debug)]
pub enum Answer {
    Looked(Found),
    EpochBegun,
    Claimed(Claimed),
    Saved(Saved),
    /// It did not answer, or refused.
    Failed,
}

/// What is to be done, in this order.
#[derive(Clone, Debug)]
pub enum Command {
    /// A record is worked on. It counts as of `record_ms`.
    Work {
        at: Position,
        record_ms: i64,
    },
    /// A record of an earlier reading is left alone.
    LeaveAlone(Position),
    Ask(Ask),
    Commit(Vec<Commitment>),
    /// The answer to a revocation.
    Release {
        handover: HandoverId,
        next: Vec<Commitment>,
    },
    /// Reads a partition from elsewhere, in a new generation.
    Seek(TopicPartition, Start),
    /// The store went back in time: nothing that is cached of it, or waits on what was read, counts any more.
    ForgetCaches,
    /// The watermark of all that the group reads: windows before it may be closed, in this epoch.
    Due {
        watermark_ms: i64,
        epoch: Epoch,
    },
    Tell(Notice),
}

/// What operators are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The store runs elsewhere than where its epoch began.
    StoreMoved,
    /// The store is in another epoch: so many partitions are read again.
    EpochChanged { partitions: usize },
    /// The store knows less of a partition than was committed: it is read again.
    StoreLacks {
        partition: TopicPartition,
        first_offset: i64,
        stands_at: Option<i64>,
    },
    /// The group has nothing committed of a partition that the store knows: its topic was made anew, or the offsets were
    /// reset.
    BeginsAnew {
        partition: TopicPartition,
        stands_at: i64,
    },
    /// What was to be committed is not done. It is not committed. This is a bug.
    Breach(Commitment),
}

/// What may be in flight at once.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub records_max: usize,
    pub bytes_max: usize,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    bytes: usize,
    since_ms: i64,
}

#[derive(Clone, Debug)]
pub struct Books {
    room: Room,
    tracker: OffsetTracker,
    ledger: Ledger,
    /// Of every generation: what was read before a rebalance takes its room until it is done. Bounded by `room`.
    in_flight: HashMap<Position, InFlight>,
    in_flight_bytes: usize,
}

impl Books {
    /// `name` is unique to this process; `epoch` is the store's from before anything is read.
    pub fn new(name: String, epoch: Epoch, room: Room) -> Self {
        Self {
            room,
            tracker: OffsetTracker::default(),
            ledger: Ledger::new(name, epoch),
            in_flight: HashMap::new(),
            in_flight_bytes: 0,
        }
    }

    /// Whether another record may be read.
    pub fn has_room(&self) -> bool {
        self.in_flight.len() < self.room.records_max && self.in_flight_bytes < self.room.bytes_max
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes
    }

    /// Since when the oldest record is in flight, on the clock that events are told with.
    pub fn oldest_since_ms(&self) -> Option<i64> {
        self.in_flight.values().map(|record| record.since_ms).min()
    }

    /// Takes one event and says what is to be done about it.
    pub fn on(&mut self, event: Event, now_ms: i64) -> Vec<Command> {
        let mut commands = Vec::new();
        match event {
            Event::Assigned(begun) => begun.into_iter().for_each(|begun| self.assign(begun)),
            Event::Revoked {
                partitions,
                handover,
            } => self.let_go(&partitions, handover, now_ms, &mut commands),
            Event::Lost(partitions) => {
                self.ledger.lose(&partitions);
                partitions.iter().for_each(|lost| self.tracker.revoke(lost));
            }
            Event::Stopping { handover } => {
                let all: Vec<_> = self.tracker.partitions().cloned().collect();
                self.let_go(&all, handover, now_ms, &mut commands);
            }
            Event::Read {
                at,
                record_ms,
                bytes,
            } => self.read(at, record_ms, bytes, now_ms, &mut commands),
            Event::Done(at) => {
                self.make_room(&at);
                self.tracker.acknowledge(&at);
            }
            Event::Abandoned(at) => self.make_room(&at),
            Event::ReadAgain(partition) => {
                let tracker = &mut self.tracker;
                self.ledger.read_again(&partition, tracker, &mut commands);
            }
            Event::PassedBy {
                partition,
                until_ms,
            } => self.tracker.pass_by(&partition, until_ms),
            Event::End {
                partition,
                generation,
                handed_on,
                end_offset,
                seen_ms,
            } => {
                self.tracker
                    .reach_end(&partition, generation, handed_on, end_offset, seen_ms);
            }
            Event::Topics(topics) => self.ledger.learn(topics),
            Event::Tick => self.ledger.tick(&mut commands),
            Event::Store(answer) => {
                self.ledger
                    .answer(answer, &mut self.tracker, now_ms, &mut commands);
                let is_over = |command: &Command| matches!(command, Command::ForgetCaches);
                // What was begun before counts no more, and whoever holds it lets it go.
                if commands.iter().any(is_over) {
                    self.in_flight.clear();
                    self.in_flight_bytes = 0;
                }
            }
        }
        commands
    }

    fn make_room(&mut self, at: &Position) {
        if let Some(record) = self.in_flight.remove(at) {
            self.in_flight_bytes -= record.bytes;
        }
    }

    fn assign(&mut self, begun: Begun) {
        let Begun {
            partition,
            generation,
            start,
            is_from_beginning,
        } = begun;
        self.ledger
            .assign(partition.clone(), generation, start, is_from_beginning);
        self.tracker.assign(partition.clone(), generation, start);
        if start.is_none() {
            // It is read from where the store stands, as soon as that is known.
            self.tracker.suspend(&partition);
        }
    }

    /// What is done is saved and then committed; what is not is abandoned and read again by the next owner.
    fn let_go(
        &mut self,
        partitions: &[TopicPartition],
        handover: HandoverId,
        now_ms: i64,
        commands: &mut Vec<Command>,
    ) {
        self.ledger
            .let_go(handover, partitions, &self.tracker, now_ms, commands);
        for partition in partitions {
            self.tracker.revoke(partition);
        }
    }

    fn read(
        &mut self,
        at: Position,
        record_ms: i64,
        bytes: usize,
        now_ms: i64,
        commands: &mut Vec<Command>,
    ) {
        let Some(record_ms) = self.tracker.track(&at, record_ms) else {
            return commands.push(Command::LeaveAlone(at));
        };
        let record = InFlight {
            bytes,
            since_ms: now_ms,
        };
        if self.in_flight.insert(at.clone(), record).is_none() {
            self.in_flight_bytes += bytes;
        }
        commands.push(Command::Work { at, record_ms });
    }
}

#[cfg(test)]
mod tests;
