//! A processor that reads a topic in any order it may, with all that can go wrong: batches of any size, records that
//! are read again, caches that are dropped, and a store that forgets its last writes.

use crate::records::{GAP_MS, Record, Topic, batch};
use crate::reference::{self, Revision, shown};
use domain::conversation::Conversation;
use domain::limits::Limits;
use domain::window::{Closed, OPEN_WINDOWS_MAX, Windows};
use fastrand::Rng;

/// Past every record and gap.
const END_MS: i64 = 10_000_000;

/// A commit: what the store holds after it.
#[derive(Clone)]
struct Commit {
    /// As it is stored; `None` for one that only closes a window.
    entry: Option<String>,
    windows: String,
    /// Of each partition, how many of its first records are applied.
    applied: Vec<usize>,
}

pub struct Play<'a> {
    topic: &'a Topic,
    rng: Rng,
    conversation: Conversation,
    windows: Windows,
    commits: Vec<Commit>,
    /// Of each partition, the record that is read next.
    next: Vec<usize>,
    /// The furthest that was read.
    reached: Vec<usize>,
    applied: Vec<usize>,
    pending: Vec<Record>,
    /// What was given out, the first revision first.
    pub revisions: Vec<Revision>,
}

impl<'a> Play<'a> {
    pub fn new(topic: &'a Topic, rng: Rng) -> Self {
        Self {
            topic,
            rng,
            conversation: Conversation::default(),
            windows: Windows::default(),
            commits: Vec::new(),
            next: vec![0; topic.len()],
            reached: vec![0; topic.len()],
            applied: vec![0; topic.len()],
            pending: Vec::new(),
            revisions: Vec::new(),
        }
    }

    /// Reads everything in batches, and closes nothing.
    pub fn read_all(&mut self) {
        while self.next.iter().sum::<usize>() < self.topic.iter().map(Vec::len).sum() {
            (0..10).for_each(|_| self.read());
            self.commit();
        }
    }

    /// Until everything is read and closed; `mishaps` of 100 steps are one.
    pub fn played_out(mut self, mishaps: u8) -> Vec<Revision> {
        while self.applied_records().len() < self.topic.iter().map(Vec::len).sum() {
            match self.rng.u8(0..100) {
                roll if roll < mishaps => self.mishap(),
                roll if roll < 70 => self.read(),
                roll if roll < 85 => self.commit(),
                _ => {
                    let watermark_ms = self.rng.i64(0..=self.watermark_ms());
                    self.close(watermark_ms);
                }
            }
        }
        while self.windows.is_open() {
            self.close(END_MS);
        }
        self.publish_again();
        self.revisions
    }

    fn read(&mut self) {
        let partition = self.rng.usize(..self.topic.len());
        let records = &self.topic[partition][self.next[partition]..];
        let count = self.rng.usize(0..=4).min(records.len());
        self.pending.extend_from_slice(&records[..count]);
        self.next[partition] += count;
        self.reached[partition] = self.next[partition].max(self.reached[partition]);
    }

    fn commit(&mut self) {
        let (facts, links) = batch(&std::mem::take(&mut self.pending));
        let mut entry = self
            .conversation
            .entry_for(&facts, &links, &Limits::default());
        self.windows.take_in(&self.conversation, &mut entry, GAP_MS);
        self.applied.clone_from(&self.reached);
        if !entry.is_empty() {
            let stored = serde_json::to_string(&entry).expect("entries serialise");
            self.conversation.apply(entry);
            self.note(Some(stored));
        }
        self.check_open();
    }

    fn note(&mut self, entry: Option<String>) {
        self.commits.push(Commit {
            entry,
            windows: serde_json::to_string(&self.windows).expect("windows serialise"),
            applied: self.applied.clone(),
        });
    }

    fn applied_records(&self) -> Vec<Record> {
        let applied = self.topic.iter().zip(&self.applied);
        applied
            .flat_map(|(records, count)| &records[..*count])
            .copied()
            .collect()
    }

    /// The windows that are open are those of what was applied, the closed ones before them.
    fn check_open(&self) {
        let windows = reference::windows(&self.applied_records());
        let open = &windows[self.windows.revision as usize..];
        assert_eq!(
            self.windows.open,
            open[..open.len().min(OPEN_WINDOWS_MAX)],
            "open windows"
        );
        assert_eq!(self.windows.has_more, open.len() > OPEN_WINDOWS_MAX);
    }

    /// The greatest at which windows may be closed: everything up to it is applied.
    fn watermark_ms(&self) -> i64 {
        let partitions = self.topic.iter().zip(&self.applied);
        let next = partitions.filter_map(|(records, applied)| records.get(*applied));
        next.map(|record| record.record_ms - 1)
            .min()
            .unwrap_or(END_MS)
            .max(0)
    }

    fn close(&mut self, watermark_ms: i64) {
        loop {
            let oldest = self.windows.open.first().copied();
            let Some(closed) = self.windows.close(&self.conversation, watermark_ms, GAP_MS) else {
                break;
            };
            self.note(None);
            self.check_open();
            let window = oldest.expect("a window that closes was open");
            assert_eq!(window.last_ms, closed.last_ms);
            self.give_out(&closed, window.first_ms);
            if self.rng.u8(0..4) == 0 {
                break;
            }
        }
    }

    fn give_out(&mut self, closed: &Closed, first_ms: i64) {
        let revision = Revision {
            window: domain::window::Window {
                first_ms,
                last_ms: closed.last_ms,
            },
            closed_at_ms: closed.closed_at_ms,
            content: shown(&self.conversation.closed_over(closed)),
        };
        match self.revisions.get(closed.revision as usize - 1) {
            Some(given) => assert_eq!(*given, revision, "given out before"),
            None => self.revisions.push(revision),
        }
        assert!(closed.revision as usize <= self.revisions.len());
    }

    /// The latest revision, as by a process that does not know that it was given out, whatever the gap is by then.
    fn publish_again(&mut self) {
        let gap_ms = self.rng.i64(1..=2 * GAP_MS);
        if let Some(closed) = self.windows.latest(gap_ms) {
            let first_ms = self.revisions[closed.revision as usize - 1].window.first_ms;
            self.give_out(&closed, first_ms);
        }
    }

    fn mishap(&mut self) {
        match self.rng.u8(0..4) {
            0 => self.publish_again(),
            1 => self.read_again(),
            2 => self.load(),
            _ => self.lose_writes(),
        }
    }

    /// A partition is read again from an earlier record.
    fn read_again(&mut self) {
        let partition = self.rng.usize(..self.topic.len());
        self.next[partition] = self.rng.usize(0..=self.next[partition]);
    }

    /// The cache is dropped, and what was read and not committed with it.
    fn load(&mut self) {
        self.pending.clear();
        self.conversation = Conversation::default();
        self.windows = Windows::default();
        self.applied = vec![0; self.topic.len()];
        for commit in &self.commits {
            if let Some(entry) = &commit.entry {
                let entry = serde_json::from_str(entry).expect("entries deserialise");
                self.conversation.apply(entry);
            }
            self.windows = serde_json::from_str(&commit.windows).expect("windows deserialise");
            self.applied.clone_from(&commit.applied);
        }
        self.next.clone_from(&self.applied);
        self.reached.clone_from(&self.applied);
        self.check_open();
    }

    fn lose_writes(&mut self) {
        let kept = self.rng.usize(0..=self.commits.len());
        self.commits.truncate(kept);
        self.load();
    }
}
