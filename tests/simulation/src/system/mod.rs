//! The whole processor under one scheduler: several members of a group with their books and the work on conversations,
//! Kafka, the store, and everything that may happen to them, step by step in an order that a [`Tape`] draws.
//!
//! The books ([`processor::books`]), the work on one conversation ([`processor::shards::job`]) and on one trace
//! ([`processor::placing::job`]), the revisions that are on their way ([`processor::out::outbox`]), the judgement of ends
//! ([`processor::source::ends`]) and of bad records ([`processor::out::dead_letters::breaker`]) and all of `domain` are
//! the real ones. What stands around them (threads, sockets, the
//! client of Kafka, Redis) is a model of it:
//!
//! | file | stands for |
//! |---|---|
//! | `plan.rs`, `poison.rs`, `producing.rs` | what producers write into the topics, bad records included |
//! | `broker.rs` | Kafka: logs, the group, committed offsets |
//! | `fetching.rs` | librdkafka of one member |
//! | `client.rs`, `pausing.rs`, `telling.rs`, `grouping.rs` | `processor::source` of one member |
//! | `member.rs`, `pipeline.rs`, `stages.rs`, `working.rs`, `placing.rs`, `asking.rs` | the pipeline, the tasks, the recorder of one member |
//! | `nodes.rs` | Redis, single or a cluster, with `store` in front of it |
//! | `faults.rs`, `shrinking.rs` | what goes wrong |
//! | `checks.rs` | what must hold nevertheless |
//!
//! A play has two parts: in the first the tape says what happens next, faults included; in the second there are no more
//! faults and everybody gets his turn, until nothing is left to do. Then the same topics are read by one undisturbed
//! processor, and both must have come to the same.

mod asking;
mod broker;
mod checks;
mod client;
mod faults;
mod fetching;
mod grouping;
mod member;
mod nodes;
mod old_rules;
mod pausing;
mod pipeline;
mod placing;
mod plan;
mod poison;
mod producing;
mod shrinking;
mod stages;
mod telling;
mod working;
mod world;

use crate::tape::Tape;
use plan::Plan;
use poison::Poison;
use std::sync::Arc;
use world::World;

/// A mistake that was made once, and is put back to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// Whatever statistics say is the end of a partition, of whichever reading, when nothing came for a moment.
    BelievedEnds,
    /// Statistics count whenever they were made: before the reading began too, or before the client has turned to it.
    StaleStatistics,
    /// A store that lost something is taken for the one that it was.
    UnnoticedLosses,
    /// Going on after a pause does not count as a beginning.
    UncountedResumptions,
    /// What was paused when it was given away stays so in the client.
    LastingPauses,
    /// Whether a log has lost its end is told by statistics that are younger than the reading, though older than the last
    /// record; and then it is read on without a seek.
    ShrunkByBeginning,
    /// The copy of a span that is processed first gives its record time.
    FirstCopyTimes,
    /// A partition of which nothing is recorded does not hold time back.
    SilentPartitions,
    /// Whatever the topic of finalised conversations was sent counts as published.
    UnheardRefusals,
    /// When the store refuses one piece of work, all that was to be written with it is given up.
    RefusedTogether,
    /// A record that is left undone, because its partition is paused, counts as done.
    AbandonedIsDone,
    /// A paused partition holds time back for as long as it is paused.
    EndlessHolds,
}

/// How much happened in a play.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    pub steps: u64,
    pub simulated_ms: i64,
    pub faults: u64,
    /// Losses of the store, and how often a member found itself in another epoch.
    pub losses: u64,
    pub epochs: u64,
    pub published: u64,
    /// Commits of a conversation that somebody else had written since.
    pub conflicts: u64,
    /// Commits to Kafka of members of an earlier generation, and saves of partitions that are another's.
    pub refused_commits: u64,
    pub refused_saves: u64,
    /// How often a member learnt that its partitions were gone.
    pub lost_partitions: u64,
    /// Records of an earlier reading.
    pub left_alone: u64,
    /// How often a member paused its partitions.
    pub pauses: u64,
    /// How often a log lost its end, and how often that was noticed.
    pub shrunk: u64,
    pub begun_anew: u64,
    /// Spans that were given up and found, and that moved.
    pub lost: u64,
    pub found: u64,
    pub moved: u64,
    /// Records that could not be written.
    pub dead_letters: u64,
    /// Dead letters, those of records that were read again included.
    pub letters: u64,
    /// Records that were left undone because their partition was paused, or nobody knew whether it was.
    pub abandoned: u64,
    /// How often a partition was paused for its bad records, a pause that was found and a failed trial included.
    pub paused: u64,
    pub trials_failed: u64,
    /// How often a partition was read again from its first record that was not done, and how often it went on.
    pub read_again: u64,
    pub gone_on: u64,
    /// How often an operator let a partition go on.
    pub let_go_on: u64,
    /// How often time went on without a paused partition.
    pub passed_by: u64,
    /// How often it was looked whether anything waits for a paused partition that need not.
    pub looked_at: u64,
}

impl Played {
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.simulated_ms += other.simulated_ms;
        self.faults += other.faults;
        self.losses += other.losses;
        self.epochs += other.epochs;
        self.published += other.published;
        self.conflicts += other.conflicts;
        self.refused_commits += other.refused_commits;
        self.refused_saves += other.refused_saves;
        self.lost_partitions += other.lost_partitions;
        self.left_alone += other.left_alone;
        self.pauses += other.pauses;
        self.shrunk += other.shrunk;
        self.begun_anew += other.begun_anew;
        self.lost += other.lost;
        self.found += other.found;
        self.moved += other.moved;
        self.dead_letters += other.dead_letters;
        self.letters += other.letters;
        self.abandoned += other.abandoned;
        self.paused += other.paused;
        self.trials_failed += other.trials_failed;
        self.read_again += other.read_again;
        self.gone_on += other.gone_on;
        self.let_go_on += other.let_go_on;
        self.passed_by += other.passed_by;
        self.looked_at += other.looked_at;
    }
}

/// Plays a tape. An error says what did not hold.
pub fn play(tape: &mut Tape, flaw: Flaw) -> Result<Played, String> {
    let (outcome, _) = run(tape, flaw, false);
    outcome
}

/// The same with the story of all steps.
pub fn tell(tape: &mut Tape, flaw: Flaw) -> (Result<Played, String>, Vec<String>) {
    run(tape, flaw, true)
}

fn run(tape: &mut Tape, flaw: Flaw, is_told: bool) -> (Result<Played, String>, Vec<String>) {
    let mut plan = Plan::invent(tape);
    let poison = Poison::draw(tape, &mut plan);
    let mut world = World::new(tape, Arc::new(plan), poison, flaw, is_told);
    let outcome = world.play();
    (outcome, world.into_story())
}
