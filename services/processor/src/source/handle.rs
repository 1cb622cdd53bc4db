//! How the pipeline talks to the poll thread.

use super::{Commitment, Start, TopicPartition};
use std::collections::BTreeSet;
use std::sync::mpsc::Sender;
use tokio::sync::oneshot;

/// What the poll thread can be told. The pipeline tells it something about once a second, so the channel stays short.
#[derive(Debug)]
pub(super) enum Command {
    Commit(Vec<Commitment>),
    Seek(TopicPartition, Start),
    Pause,
    Resume,
    StandStill(BTreeSet<TopicPartition>),
    Stop {
        last: Vec<Commitment>,
        stopped: oneshot::Sender<Stopped>,
    },
}

/// How the poll thread ended after it was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The last offsets are committed, or there were none.
    Committed,
    /// The last offsets could not be committed: some records will be read again, which is harmless.
    Uncommitted,
    /// The thread had ended before.
    AlreadyGone,
}

/// Talks to the poll thread. Nothing here waits except [`SourceHandle::stop`]; words to a thread that has ended are lost,
/// and its events tell that it has.
#[derive(Clone, Debug)]
pub struct SourceHandle {
    pub(super) commands: Sender<Command>,
}

impl SourceHandle {
    /// Asks for a commit. May be called as often as one likes: the newest offset of each partition is committed at most
    /// once in `commit_interval_ms`, failed commits are repeated, and what is committed already is not committed again. What
    /// passes what was read in its generation is refused and told.
    pub fn commit(&self, next: Vec<Commitment>) {
        if !next.is_empty() {
            self.tell(Command::Commit(next));
        }
    }

    /// Continues reading a partition at this offset. [`super::Event::Assigned`] tells when that has begun; until then
    /// records of the reading before still come.
    pub fn seek(&self, partition: TopicPartition, to: Start) {
        self.tell(Command::Seek(partition, to));
    }

    /// Takes no further records until told to resume, and stays a member of the group.
    pub fn pause(&self) {
        self.tell(Command::Pause);
    }

    pub fn resume(&self) {
        self.tell(Command::Resume);
    }

    /// Takes records of exactly these partitions no further, until told otherwise; the others are read. What was fetched of
    /// them is dropped: whoever lets one go on says from where, by a seek.
    pub fn stand_still(&self, partitions: BTreeSet<TopicPartition>) {
        self.tell(Command::StandStill(partitions));
    }

    /// Commits these offsets, leaves the group and ends the thread. Takes as long as the broker takes to answer.
    pub async fn stop(&self, last: Vec<Commitment>) -> Stopped {
        let (stopped, outcome) = oneshot::channel();
        self.tell(Command::Stop { last, stopped });
        outcome.await.unwrap_or(Stopped::AlreadyGone)
    }

    fn tell(&self, command: Command) {
        // A thread that has ended has closed the events' channel, which is where its end is noticed.
        let _ = self.commands.send(command);
    }
}
