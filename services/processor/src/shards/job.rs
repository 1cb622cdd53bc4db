//! The work of one batch for one conversation, as a machine: it says what to ask of the store, takes the answer, and says
//! what comes next. It has no store and no clock, so that the simulation plays the same steps.
//!
//! ```text
//! add:      [load] ─► what is new? ─► commit ─► confirm
//!              ▲                        │ conflict: somebody else has written since
//!              └────────────────────────┘
//! confirm:  [load] ─► a revision was published? ─► commit ─► close          (conflict: as above)
//! close:    [load] ─► verify ─► close the oldest window that is due, commit ─► hand the revision on
//! ```
//!
//! A revision that is handed on stays due until it is confirmed, which is work of its own, and the next window waits for
//! that: nothing here waits for Kafka.
//!
//! What is added may rest on a cached conversation, for a commit is refused when the store has another one. What is closed
//! may not: the watermark says that all up to it is in the store, not that it is in our cache. So the conversation is
//! loaded first, and then the store is asked whether it is still in the epoch in which the watermark was known; a store
//! that loses something after that refuses the commit, or has still what was loaded.

use domain::conversation::Conversation;
use domain::facts::{Entry, Link, Move};
use domain::ids::{ConversationKey, TraceId};
use domain::limits::Limits;
use domain::prepare::Prepared;
use domain::view::{Totals, View};
use domain::window::{Closed, Windows};
use std::collections::BTreeSet;
use store::{Commit, Epoch, Snapshot, Summary};

/// A conversation as it is committed.
#[derive(Clone, Debug)]
pub struct Held {
    pub conversation: Conversation,
    pub summary: Summary,
}

impl Held {
    fn nothing(key: &ConversationKey) -> Self {
        Self {
            conversation: Conversation::default(),
            summary: Summary {
                key: key.clone(),
                version: 0,
                token: 0,
                entries: 0,
                windows: Windows::default(),
                totals: Totals::default(),
                published_revision: 0,
            },
        }
    }

    fn of(snapshot: Snapshot) -> Self {
        let mut conversation = Conversation::default();
        snapshot
            .entries
            .into_iter()
            .for_each(|entry| conversation.apply(entry));
        Self {
            conversation,
            summary: snapshot.summary,
        }
    }
}

/// What is to be added to a conversation.
#[derive(Clone, Debug, Default)]
pub struct News {
    pub facts: Vec<Prepared>,
    pub links: Vec<Link>,
    pub moves: Vec<Move>,
}

impl News {
    fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.links.is_empty() && self.moves.is_empty()
    }
}

/// How far windows may be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    pub watermark_ms: i64,
    /// Of the store, in which the watermark was known.
    pub epoch: Epoch,
}

/// What is the same for all conversations.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub limits: Limits,
    pub inactivity_gap_ms: i64,
}

/// What is to be done next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Load the conversation.
    Load,
    /// Look whether the store is still in this epoch.
    Verify(Epoch),
    Commit {
        summary: Box<Summary>,
        entry: Option<Box<Entry>>,
    },
    /// Delete what is stored of it, which cannot be read. Kafka is the truth, and nobody else shall wait for it.
    Reset,
    /// Hand a revision on to be published, if there is room for it: see [`Job::view_of`].
    HandOn(Closed),
    Done,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    Loaded(Option<Box<Snapshot>>),
    Verified(bool),
    Committed(Commit),
    /// What is stored cannot be read, or its parts do not belong together.
    Unreadable,
    Removed,
    /// Or not: until it is confirmed, the revision stays unpublished and due.
    HandedOn,
}

/// Where the conversation has come to, for what stands outside of its slot.
#[derive(Clone, Debug)]
pub struct Update {
    pub summary: Summary,
    /// Traces of which something was added, or would have been.
    pub traces: Vec<TraceId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Add,
    Confirm,
    Close,
    Over,
}

#[derive(Debug)]
pub struct Job {
    key: ConversationKey,
    news: News,
    confirmed: Option<u32>,
    close: Option<Close>,
    rules: Rules,
    phase: Phase,
    held: Option<Held>,
    /// Whether `held` is what the store held at some moment of this job.
    is_fresh: bool,
    is_verified: bool,
    /// What was asked to be committed, with the traces of which it is the first: it counts when it is.
    pending: Option<(Held, Vec<TraceId>)>,
    update: Option<Update>,
    /// How often somebody else had written since.
    pub conflicts: u32,
}

impl Job {
    /// `confirmed` is the revision that was published; `cached` is the conversation as this process last committed or
    /// loaded it, if it still knows.
    pub fn new(
        key: ConversationKey,
        news: News,
        confirmed: Option<u32>,
        close: Option<Close>,
        cached: Option<Held>,
        rules: Rules,
    ) -> Self {
        let phase = if news.is_empty() {
            Phase::Confirm
        } else {
            Phase::Add
        };
        Self {
            key,
            news,
            confirmed,
            close,
            rules,
            phase,
            held: cached,
            is_fresh: false,
            is_verified: false,
            pending: None,
            update: None,
            conflicts: 0,
        }
    }

    pub fn key(&self) -> &ConversationKey {
        &self.key
    }

    /// A revision that is to be handed on, with the facts that its window closed over: the same whatever has come since, and
    /// whoever publishes it.
    pub fn view_of(&self, closed: &Closed) -> Option<View> {
        let held = self.held.as_ref()?;
        Some(held.conversation.closed_over(closed).view())
    }

    /// At the end: the conversation as it stands, to be cached, and what to bring up to date outside of its slot.
    pub fn into_parts(self) -> (Option<Held>, Option<Update>) {
        let held = self.held.filter(|held| held.summary.version > 0);
        (held, self.update)
    }

    /// The first step, or the next after an outcome.
    pub fn next(&mut self, outcome: Option<Outcome>) -> Step {
        if let Some(outcome) = outcome
            && let Some(step) = self.take(outcome)
        {
            return step;
        }
        loop {
            let step = match self.phase {
                Phase::Add => self.add(),
                Phase::Confirm => self.confirm(),
                Phase::Close => self.close(),
                Phase::Over => Some(Step::Done),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    fn take(&mut self, outcome: Outcome) -> Option<Step> {
        match outcome {
            Outcome::Loaded(snapshot) => {
                let nothing = || Held::nothing(&self.key);
                self.held = Some(snapshot.map_or_else(nothing, |snapshot| Held::of(*snapshot)));
                self.is_fresh = true;
            }
            Outcome::Removed => {
                self.held = Some(Held::nothing(&self.key));
                self.is_fresh = true;
            }
            Outcome::Unreadable => return Some(Step::Reset),
            Outcome::Committed(Commit::Done { token }) => {
                if let Some((mut held, traces)) = self.pending.take() {
                    held.summary.token = token;
                    self.committed(held, traces);
                }
            }
            Outcome::Committed(Commit::Conflict { .. }) => {
                self.conflicts += 1;
                self.pending = None;
                self.held = None;
                (self.is_fresh, self.is_verified) = (false, false);
                // Someone else closes it, or something new came: the next look at what is due will tell.
                if self.phase == Phase::Close {
                    self.phase = Phase::Over;
                }
            }
            Outcome::Verified(true) => self.is_verified = true,
            // Time has gone back: what the watermark said counts no more.
            Outcome::Verified(false) => self.phase = Phase::Over,
            Outcome::HandedOn => self.phase = Phase::Over,
        }
        None
    }

    fn committed(&mut self, held: Held, traces: Vec<TraceId>) {
        let earlier = self.update.take().map(|update| update.traces);
        self.update = Some(Update {
            summary: held.summary.clone(),
            traces: earlier.unwrap_or(traces),
        });
        self.held = Some(held);
        self.is_fresh = true;
        self.phase = match self.phase {
            Phase::Add => Phase::Confirm,
            Phase::Confirm => Phase::Close,
            phase => phase,
        };
    }

    /// Adds the facts. What is known already is not written again, but its index is: the process may have died between
    /// the two.
    fn add(&mut self) -> Option<Step> {
        let mut traces = self.traces();
        let Some(held) = &mut self.held else {
            return Some(Step::Load);
        };
        let limits = &self.rules.limits;
        let mut entry = held
            .conversation
            .entry_for(&self.news.facts, &self.news.links, limits);
        entry.moves = held
            .conversation
            .moves_that_are_news(&self.news.moves, &entry, limits);
        let gap_ms = self.rules.inactivity_gap_ms;
        held.summary
            .windows
            .take_in(&held.conversation, &mut entry, gap_ms);
        if entry.is_empty() {
            self.update = (held.summary.version > 0).then(|| Update {
                summary: held.summary.clone(),
                traces,
            });
            self.phase = Phase::Confirm;
            return None;
        }
        let known = &held.summary.totals.trace_ids;
        let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        traces.retain(|trace| !known.contains(trace.to_string().as_str()));
        // Taken, not copied: after a conflict it is loaded anyway.
        let mut held = self.held.take()?;
        held.conversation.apply(entry.clone());
        held.summary.totals = held.conversation.view().totals;
        held.summary.entries += 1;
        Some(self.commit(held, Some(entry), traces))
    }

    /// Takes note of a revision that was published. A store that has gone back does not know of it: then it will be closed
    /// and published once more, as the same.
    fn confirm(&mut self) -> Option<Step> {
        if let Some(confirmed) = self.confirmed {
            let Some(held) = &self.held else {
                return Some(Step::Load);
            };
            let unpublished = held.summary.published_revision + 1..=held.summary.windows.revision;
            if unpublished.contains(&confirmed) {
                let mut held = self.held.take()?;
                held.summary.published_revision = confirmed;
                return Some(self.commit(held, None, Vec::new()));
            }
        }
        self.phase = Phase::Close;
        None
    }

    /// Closes the oldest window, if the watermark has passed it and all before it is published, and hands its revision on.
    fn close(&mut self) -> Option<Step> {
        let Some(close) = &self.close else {
            self.phase = Phase::Over;
            return None;
        };
        let Some(held) = self.held.as_mut().filter(|_| self.is_fresh) else {
            return Some(Step::Load);
        };
        let windows = &mut held.summary.windows;
        if held.summary.version == 0 {
            self.phase = Phase::Over;
            return None;
        }
        if held.summary.published_revision < windows.revision {
            if let Some(latest) = windows.latest(self.rules.inactivity_gap_ms) {
                return Some(Step::HandOn(latest));
            }
            // A revision without a closing cannot be.
            let mut held = self.held.take()?;
            held.summary.published_revision = held.summary.windows.revision;
            return Some(self.commit(held, None, Vec::new()));
        }
        if !self.is_verified {
            return Some(Step::Verify(close.epoch.clone()));
        }
        let gap_ms = self.rules.inactivity_gap_ms;
        let closed = windows.close(&held.conversation, close.watermark_ms, gap_ms);
        if closed.is_none() {
            // Also corrects when it is due.
            self.update = Some(Update {
                summary: held.summary.clone(),
                traces: self
                    .update
                    .take()
                    .map(|update| update.traces)
                    .unwrap_or_default(),
            });
            self.phase = Phase::Over;
            return None;
        }
        let held = self.held.take()?;
        Some(self.commit(held, None, Vec::new()))
    }

    fn commit(&mut self, mut held: Held, entry: Option<Entry>, traces: Vec<TraceId>) -> Step {
        held.summary.version += 1;
        let step = Step::Commit {
            summary: Box::new(held.summary.clone()),
            entry: entry.map(Box::new),
        };
        self.pending = Some((held, traces));
        step
    }

    /// The traces that the facts are of.
    fn traces(&self) -> Vec<TraceId> {
        let facts = self.news.facts.iter();
        let traces = facts.map(|prepared| prepared.fact.key().trace);
        let distinct: BTreeSet<TraceId> = traces.collect();
        distinct.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
