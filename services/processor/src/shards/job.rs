//! The work of one batch for one conversation, as a machine: it says what to ask of the store, takes the answer, and says
//! what comes next. It has no store and no clock, so that the simulation plays the same steps.
//!
//! ```text
//! add:      [load] ─► what is new? ─► commit ─► confirm
//!              ▲                        │ conflict: somebody else has written since
//!              └────────────────────────┘ (what that was is loaded, or all of it where it does not go on from what is known)
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

pub use super::held::Held;
use domain::facts::{Entry, Link, Move};
use domain::ids::{ConversationKey, TraceId};
use domain::limits::Limits;
use domain::prepare::Prepared;
use domain::view::View;
use domain::window::Closed;
use std::collections::BTreeSet;
use store::{Commit, Epoch, Snapshot, Summary};

/// Commits after a conflict that are made on a copy: who has written in between may do so again.
const COPIES_AFTER_CONFLICT: u8 = 8;

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
    /// Load the conversation: what is known to be its log is followed by what is asked for.
    Load {
        from_entry: u64,
    },
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

/// What a step that the store refuses may be about, see [`super::sifting`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtFault {
    /// What was to be added: the conversation has just been read.
    News,
    /// That, or the conversation, which was cached.
    Either,
    Conversation,
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
    /// What the commit under way builds on, or what is to be loaded goes on from.
    known: Option<Held>,
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
            known: None,
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

    /// Whether all news are in the store.
    pub(super) fn has_added(&self) -> bool {
        self.phase != Phase::Add
    }

    /// What may be to blame when the store refuses the step.
    pub(super) fn at_fault(&self) -> AtFault {
        match (self.phase, &self.pending) {
            (Phase::Add, Some(_)) if self.is_fresh => AtFault::News,
            (Phase::Add, Some(_)) => AtFault::Either,
            _ => AtFault::Conversation,
        }
    }

    /// What was to be added, of a job that cannot be done.
    pub(super) fn into_news(self) -> News {
        self.news
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
            Outcome::Loaded(snapshot) => return self.loaded(snapshot),
            Outcome::Removed => {
                self.held = Some(Held::nothing(&self.key));
                self.is_fresh = true;
            }
            Outcome::Unreadable => {
                self.known = None;
                return Some(Step::Reset);
            }
            Outcome::Committed(Commit::Done { token }) => {
                self.known = None;
                if let Some((mut held, traces)) = self.pending.take() {
                    held.summary.token = token;
                    self.committed(held, traces);
                }
            }
            Outcome::Committed(Commit::Conflict { version }) => {
                self.conflicts += 1;
                self.held = None;
                let known = self.base();
                // Else the store has lost what this was built on.
                self.known = known.filter(|known| known.summary.version < version);
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

    /// Another step when what came does not go on from what is known.
    fn loaded(&mut self, snapshot: Option<Box<Snapshot>>) -> Option<Step> {
        let held = match (self.known.take(), snapshot) {
            (_, None) => Held::nothing(&self.key),
            (None, Some(snapshot)) => Held::of(*snapshot),
            (Some(mut known), Some(snapshot)) => {
                if !known.follow(*snapshot) {
                    return Some(Step::Load { from_entry: 0 });
                }
                known
            }
        };
        self.held = Some(held);
        self.is_fresh = true;
        None
    }

    /// What the commit under way builds on, where that is still known.
    fn base(&mut self) -> Option<Held> {
        let (mut held, _) = self.pending.take()?;
        if self.phase == Phase::Add {
            return self.known.take();
        }
        // Nothing was added to the conversation, and what else was changed is loaded.
        held.summary.version -= 1;
        Some(held)
    }

    fn committed(&mut self, mut held: Held, traces: Vec<TraceId>) {
        held.copies = match self.conflicts {
            0 => held.copies.saturating_sub(1),
            _ => COPIES_AFTER_CONFLICT,
        };
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
            return Some(self.load());
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
        let mut held = self.held.take()?;
        // Copied only where a conflict is likely: it costs as much as it saves.
        self.known = (self.conflicts > 0 || held.copies > 0).then(|| held.clone());
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
                return Some(self.load());
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
            return Some(self.load());
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

    fn load(&self) -> Step {
        let known = self.known.as_ref();
        Step::Load {
            from_entry: known.map_or(0, |known| known.summary.entries),
        }
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
