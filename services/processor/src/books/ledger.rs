//! What the store knows of our progress, and whether that may be trusted.
//!
//! Kafka is the truth, and the store may lose what it held last. So progress is written into the store itself, after all
//! that it speaks of, and committed to Kafka only when the store has it. The store's record has an epoch, which ends when
//! the store was emptied, or runs elsewhere than where the epoch began: then something may be lost. Whoever finds that
//! first begins the next epoch, in which the last moments before it do not count ([`super::points::cut`]); everybody who finds an
//! epoch that is not his reads their partitions again from where the record stands, before they save or commit anything.
//!
//! One round a second: look, claim what is new, save, commit. One question to the store at a time:
//!
//! ```text
//! look ──► intact, our epoch ──► claim new partitions ──► save ──► commit what was saved
//!   ▲  └─► not intact ──► begin the next epoch ─┐
//!   │  └─► another epoch ──► rewind everything  │
//!   └───────────────────────────────────────────┘
//! ```
//!
//! A partition is claimed before it is saved, so that a process that owned it before, and does not know yet that it does
//! not, cannot write over what the present owner saved.

use super::offsets::{OffsetTracker, Progress};
use super::points::Points;
use super::record::{commitments, cut, is_others, of, point, record, standing, watermark_ms};
use super::{Answer, Ask, Command, HandoverId, Notice};
use crate::source::{Commitment, Start, TopicPartition};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use store::{Claimed, Epoch, Found, PartitionProgress, Point, Saved};

/// What is known of one partition that is ours.
#[derive(Clone, Debug)]
struct Entry {
    generation: u64,
    state: State,
    points: Points,
    /// Where reading began; `None` when nobody knows. Of a partition that is read again, up to where all was recorded before,
    /// or where reading began then: what was done since is in the store in this epoch, though its record may not say so yet.
    start: Option<Start>,
    /// Whether there is nothing in Kafka before that.
    is_from_beginning: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The record was not looked at yet in this generation: nothing is saved.
    New,
    Claimed,
    /// Read again from elsewhere as soon as Kafka's client has turned: this generation counts no more.
    Rewound,
    /// The same, from its first record that is not done: nothing was lost.
    ReadAgain,
}

/// Partitions that are let go, whose last progress is to be saved and then committed.
#[derive(Clone, Debug)]
struct Handover {
    id: HandoverId,
    progress: Vec<Progress>,
    /// The same as it is recorded.
    partitions: Vec<PartitionProgress>,
}

/// The question that the store was asked.
#[derive(Clone, Debug)]
enum Asked {
    Look,
    BeginEpoch,
    /// With what of each partition was found before.
    Claim(Vec<(TopicPartition, u64, Points)>),
    Save(Vec<Progress>),
    SaveLast(HandoverId, Vec<Progress>),
}

#[derive(Clone, Debug)]
pub(super) struct Ledger {
    /// Unique to this process.
    name: String,
    claims: u64,
    epoch: Epoch,
    partitions: BTreeMap<TopicPartition, Entry>,
    asked: Option<Asked>,
    /// `None` until Kafka has told.
    topics: Option<BTreeMap<Arc<str>, i32>>,
    /// Bounded by the revocations that the poll thread waits for, one at a time.
    handovers: VecDeque<Handover>,
}

impl Ledger {
    pub(super) fn new(name: String, epoch: Epoch) -> Self {
        Self {
            name,
            claims: 0,
            epoch,
            partitions: BTreeMap::new(),
            asked: None,
            topics: None,
            handovers: VecDeque::new(),
        }
    }

    /// How many partitions each topic has that is read.
    pub(super) fn learn(&mut self, topics: BTreeMap<Arc<str>, i32>) {
        self.topics = Some(topics);
    }

    /// A partition is read from now on, in this generation.
    pub(super) fn assign(
        &mut self,
        partition: TopicPartition,
        generation: u64,
        start: Option<Start>,
        is_from_beginning: bool,
    ) {
        let mut entry = Entry {
            generation,
            start,
            is_from_beginning,
            state: State::New,
            points: Points::default(),
        };
        let before = self.partitions.get(&partition);
        if let Some(before) = before.filter(|before| before.state == State::ReadAgain) {
            (entry.start, entry.is_from_beginning) = (before.start, before.is_from_beginning);
        }
        self.partitions.insert(partition, entry);
    }

    /// Reads a partition again from its first record that is not done. Where it is not known what is done, it is read
    /// again from elsewhere already.
    pub(super) fn read_again(
        &mut self,
        partition: &TopicPartition,
        tracker: &mut OffsetTracker,
        commands: &mut Vec<Command>,
    ) {
        let progress = tracker.progress_of(partition);
        let (Some(entry), Some(progress)) = (self.partitions.get_mut(partition), progress) else {
            return;
        };
        if let (State::Claimed, Some(recorded)) = (entry.state, entry.points.newest()) {
            entry.is_from_beginning = false;
            entry.start = Some(Start {
                offset: recorded.next_offset,
                time_ms: recorded.time_ms,
            });
        }
        entry.state = State::ReadAgain;
        tracker.suspend(partition);
        let to = Start {
            offset: progress.next.offset,
            time_ms: progress.time_ms,
        };
        commands.push(Command::Seek(partition.clone(), to));
    }

    /// Begins the next round, unless one is under way.
    pub(super) fn tick(&mut self, commands: &mut Vec<Command>) {
        if self.asked.is_none() {
            self.ask(Asked::Look, Ask::Look, commands);
        }
    }

    /// Lets partitions go. What of them is done is saved when the store has answered what it was asked before.
    pub(super) fn let_go(
        &mut self,
        id: HandoverId,
        partitions: &[TopicPartition],
        tracker: &OffsetTracker,
        now_ms: i64,
        commands: &mut Vec<Command>,
    ) {
        let mut handover = Handover {
            id,
            progress: Vec::new(),
            partitions: Vec::new(),
        };
        for partition in partitions {
            let Some(entry) = self.partitions.remove(partition) else {
                continue;
            };
            let progress = tracker.progress_of(partition);
            if let (State::Claimed, Some(progress)) = (entry.state, progress) {
                let mut points = entry.points;
                points.push(point(&progress, now_ms));
                handover.partitions.push(record(&progress, &points));
                handover.progress.push(progress);
            }
        }
        self.handovers.push_back(handover);
        self.go_on(commands);
    }

    /// Forgets partitions that were lost: others may own them already, and have gone further.
    pub(super) fn lose(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.partitions.remove(partition);
        }
    }

    /// What the store answered to what it was asked.
    pub(super) fn answer(
        &mut self,
        answer: Answer,
        tracker: &mut OffsetTracker,
        now_ms: i64,
        commands: &mut Vec<Command>,
    ) {
        match (self.asked.take(), answer) {
            (Some(Asked::Look), Answer::Looked(found)) => {
                self.looked(found, tracker, now_ms, commands);
            }
            // Whoever was faster, a look tells what holds now.
            (Some(Asked::BeginEpoch), Answer::EpochBegun) => {
                self.ask(Asked::Look, Ask::Look, commands);
            }
            (Some(Asked::Claim(claims)), Answer::Claimed(Claimed::Yes)) => {
                for (partition, generation, points) in claims {
                    if let Some(entry) = self.partitions.get_mut(&partition)
                        && (entry.generation, entry.state) == (generation, State::New)
                    {
                        entry.state = State::Claimed;
                        entry.points = points;
                    }
                }
                self.save(tracker, now_ms, commands);
            }
            (Some(Asked::Save(progress)), Answer::Saved(saved)) => {
                self.saved(&progress, &saved, tracker, commands);
            }
            (Some(Asked::SaveLast(id, progress)), answer) => {
                let next = match answer {
                    Answer::Saved(saved) => commitments(&progress, &saved),
                    _ => Vec::new(),
                };
                commands.push(Command::Release { handover: id, next });
            }
            // The epoch is over, or the store did not answer: the next round looks again.
            (Some(_) | None, _) => {}
        }
        self.go_on(commands);
    }

    /// What waits for the store to be free.
    fn go_on(&mut self, commands: &mut Vec<Command>) {
        while self.asked.is_none()
            && let Some(handover) = self.handovers.pop_front()
        {
            if handover.progress.is_empty() {
                commands.push(Command::Release {
                    handover: handover.id,
                    next: Vec::new(),
                });
                continue;
            }
            let ask = self.save_of(handover.partitions);
            self.ask(
                Asked::SaveLast(handover.id, handover.progress),
                ask,
                commands,
            );
        }
    }

    fn ask(&mut self, asked: Asked, ask: Ask, commands: &mut Vec<Command>) {
        self.asked = Some(asked);
        commands.push(Command::Ask(ask));
    }

    fn looked(
        &mut self,
        found: Found,
        tracker: &mut OffsetTracker,
        now_ms: i64,
        commands: &mut Vec<Command>,
    ) {
        if !found.is_intact {
            commands.push(Command::Tell(Notice::StoreMoved));
            let partitions = found.partitions.iter().map(cut).collect();
            let ask = Ask::BeginEpoch { found, partitions };
            return self.ask(Asked::BeginEpoch, ask, commands);
        }
        if found.epoch != self.epoch {
            return self.rewind_all(found, tracker, commands);
        }
        let due = watermark_ms(&found, self.topics.as_ref());
        commands.extend(due.map(|watermark_ms| Command::Due {
            watermark_ms,
            epoch: self.epoch.clone(),
        }));
        let claims = self.claims(&found, tracker, now_ms, commands);
        if claims.is_empty() {
            return self.save(tracker, now_ms, commands);
        }
        // All of them anew, under a new name: whatever is still on its way under the old one counts no more.
        self.claims += 1;
        let claimed = self
            .partitions
            .iter()
            .filter(|(_, entry)| entry.state == State::Claimed);
        let names = claimed.map(|(partition, _)| partition);
        let names = names.chain(claims.iter().map(|(partition, ..)| partition));
        let ask = Ask::Claim {
            epoch: self.epoch.clone(),
            owner: self.owner(),
            partitions: names
                .map(|partition| (partition.topic.to_string(), partition.partition))
                .collect(),
        };
        self.ask(Asked::Claim(claims), ask, commands);
    }

    /// The store is in another epoch: nothing that is cached counts, and every partition is read again from where the
    /// record stands.
    fn rewind_all(
        &mut self,
        found: Found,
        tracker: &mut OffsetTracker,
        commands: &mut Vec<Command>,
    ) {
        self.epoch = found.epoch.clone();
        commands.push(Command::ForgetCaches);
        for (partition, entry) in &mut self.partitions {
            entry.state = State::Rewound;
            tracker.suspend(partition);
            let to = standing(&found, partition);
            commands.push(Command::Seek(partition.clone(), to));
        }
        commands.push(Command::Tell(Notice::EpochChanged {
            partitions: self.partitions.len(),
        }));
    }

    /// The new partitions of which the store has all that was done before; the others are rewound.
    fn claims(
        &mut self,
        found: &Found,
        tracker: &mut OffsetTracker,
        now_ms: i64,
        commands: &mut Vec<Command>,
    ) -> Vec<(TopicPartition, u64, Points)> {
        let mut claims = Vec::new();
        for (partition, entry) in &mut self.partitions {
            if (entry.state, entry.start) == (State::New, None) {
                // Nothing of it was worked on: nobody could say as of when its records count.
                entry.state = State::Rewound;
                commands.push(Command::Seek(partition.clone(), standing(found, partition)));
                continue;
            }
            let (State::New, Some(progress)) = (entry.state, tracker.progress_of(partition)) else {
                continue;
            };
            let recorded = of(found, partition);
            let stands_at = recorded.and_then(|recorded| recorded.points.first());
            let first_offset = entry
                .start
                .map_or(progress.first_offset, |start| start.offset);
            // Without a record, all of it is read: nobody knows of it in this epoch.
            let to = standing(found, partition);
            // Where Kafka holds nothing before, there is nothing to read again: it has expired, and that was told.
            if to.offset < first_offset && !entry.is_from_beginning {
                entry.state = State::Rewound;
                tracker.suspend(partition);
                commands.push(Command::Seek(partition.clone(), to));
                commands.push(Command::Tell(Notice::StoreLacks {
                    partition: partition.clone(),
                    first_offset,
                    stands_at: stands_at.map(|point| point.next_offset),
                }));
                continue;
            }
            if let Some(stands_at) = stands_at.map(|point| point.next_offset)
                && entry.is_from_beginning
                && stands_at > first_offset
            {
                commands.push(Command::Tell(Notice::BeginsAnew {
                    partition: partition.clone(),
                    stands_at,
                }));
            }
            let points = recorded.map(|recorded| Points::from_record(&recorded.points));
            let mut points = points.unwrap_or_default();
            points.begin(Point {
                at_ms: now_ms,
                next_offset: first_offset,
                time_ms: entry.start.and_then(|start| start.time_ms),
            });
            claims.push((partition.clone(), entry.generation, points));
        }
        claims
    }

    fn save(&mut self, tracker: &OffsetTracker, now_ms: i64, commands: &mut Vec<Command>) {
        let mut progress = Vec::new();
        let mut partitions = Vec::new();
        for (partition, entry) in &mut self.partitions {
            let of_now = tracker
                .progress_of(partition)
                .filter(|progress| progress.generation == entry.generation);
            if let (State::Claimed, Some(of_now)) = (entry.state, of_now) {
                entry.points.push(point(&of_now, now_ms));
                partitions.push(record(&of_now, &entry.points));
                progress.push(of_now);
            }
        }
        if !partitions.is_empty() {
            let ask = self.save_of(partitions);
            self.ask(Asked::Save(progress), ask, commands);
        }
    }

    fn saved(
        &mut self,
        progress: &[Progress],
        saved: &Saved,
        tracker: &OffsetTracker,
        commands: &mut Vec<Command>,
    ) {
        if *saved == Saved::EpochOver {
            return;
        }
        for (partition, entry) in &mut self.partitions {
            if is_others(saved, partition) && entry.state == State::Claimed {
                // If the group still says that it is ours, it is claimed again.
                entry.state = State::New;
            }
        }
        let is_present = |commitment: &Commitment| {
            let entry = self.partitions.get(&commitment.next.partition);
            entry.is_some_and(|entry| {
                entry.generation == commitment.generation && entry.state == State::Claimed
            })
        };
        let (sound, unsound) = commitments(progress, saved)
            .into_iter()
            .filter(is_present)
            .partition(|commitment| is_done(commitment, tracker));
        let unsound: Vec<Commitment> = unsound;
        let breaches = unsound.into_iter().map(Notice::Breach).map(Command::Tell);
        commands.extend(breaches);
        commands.push(Command::Commit(sound));
    }

    fn save_of(&self, partitions: Vec<PartitionProgress>) -> Ask {
        Ask::Save {
            epoch: self.epoch.clone(),
            owner: self.owner(),
            partitions,
        }
    }

    fn owner(&self) -> String {
        format!("{}:{}", self.name, self.claims)
    }
}

/// The rule of all rules: what is committed is read and done, in this generation.
fn is_done(commitment: &Commitment, tracker: &OffsetTracker) -> bool {
    tracker
        .progress_of(&commitment.next.partition)
        .is_some_and(|progress| {
            progress.generation == commitment.generation
                && commitment.next.offset <= progress.next.offset
        })
}
