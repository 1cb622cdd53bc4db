//! The work of one batch for one conversation, of which the store may not take everything. It is one [`Job`]; when the store
//! refuses what that would add, halves of it are tried, down to the one piece that it refuses: bad input costs its sender
//! only. What is refused for what stands in the store concerns all of it.
//!
//! ```text
//! all of it ─► refused: is it the conversation? ─► yes: it is left
//!    ▲                        │ no
//!    └── each half, or ◄──────┴─► a single piece: it is given up
//! ```
//!
//! As pure as the job, whose steps it hands through.

use super::job::{AtFault, Close, Held, Job, Outcome, Rules, Step, Update};
use super::shares::{Owners, Shares};
use domain::ids::ConversationKey;
use domain::view::View;
use domain::window::Closed;
use std::collections::BTreeSet;
use store::Remedy;

/// Why the store does not do a step, however often it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// [`Remedy::Upgrade`], or [`Remedy::SetApart`].
    pub remedy: Remedy,
    pub cause: String,
}

/// What became of the work.
#[derive(Debug)]
pub struct Sifted<T> {
    /// To be cached.
    pub held: Option<Held>,
    /// What to bring up to date outside of the conversation's slot.
    pub update: Option<Update>,
    /// Whose pieces are in the store.
    pub done: Vec<T>,
    /// Whose pieces the store refuses, and why. Others of the conversation may be written.
    pub refused: Vec<(T, String)>,
    /// What is wrong with the conversation itself, and what was not done for that.
    pub trouble: Option<(Trouble, Shares<T>)>,
}

#[derive(Debug)]
pub struct Sifting<T> {
    key: ConversationKey,
    rules: Rules,
    /// The job at hand, and whose pieces it adds; `None` when there is nothing more to be done.
    job: Option<Job>,
    owners: Owners<T>,
    /// What is to be tried after it, the next one last.
    waiting: Vec<Shares<T>>,
    /// For the last job.
    confirmed: Option<u32>,
    close: Option<Close>,
    sifted: Sifted<T>,
}

impl<T> Sifting<T> {
    /// See [`Job::new`].
    pub fn new(
        key: ConversationKey,
        shares: Shares<T>,
        confirmed: Option<u32>,
        close: Option<Close>,
        cached: Option<Held>,
        rules: Rules,
    ) -> Self {
        let mut sifting = Self {
            key,
            rules,
            job: None,
            owners: Owners::default(),
            waiting: Vec::new(),
            confirmed,
            close,
            sifted: Sifted {
                held: cached,
                update: None,
                done: Vec::new(),
                refused: Vec::new(),
                trouble: None,
            },
        };
        sifting.begin(shares);
        sifting
    }

    pub fn key(&self) -> &ConversationKey {
        &self.key
    }

    /// See [`Job::conflicts`]; of the job at hand.
    pub fn conflicts(&self) -> u32 {
        self.job.as_ref().map_or(0, |job| job.conflicts)
    }

    /// See [`Job::view_of`].
    pub fn view_of(&self, closed: &Closed) -> Option<View> {
        self.job.as_ref()?.view_of(closed)
    }

    /// At the end.
    pub fn into_sifted(self) -> Sifted<T> {
        self.sifted
    }

    /// The first step, or the next after an outcome.
    pub fn next(&mut self, outcome: Option<Result<Outcome, Trouble>>) -> Step {
        let mut outcome = match outcome {
            None => None,
            Some(Ok(outcome)) => Some(outcome),
            Some(Err(trouble)) => {
                self.cannot(trouble);
                None
            }
        };
        while let Some(job) = &mut self.job {
            match job.next(outcome.take()) {
                Step::Done => self.finish(),
                step => return step,
            }
        }
        Step::Done
    }

    fn begin(&mut self, shares: Shares<T>) {
        let is_last = self.waiting.is_empty();
        let (news, owners) = shares.into_parts();
        self.owners = owners;
        self.job = Some(Job::new(
            self.key.clone(),
            news,
            self.confirmed.filter(|_| is_last),
            self.close.clone().filter(|_| is_last),
            self.sifted.held.take(),
            self.rules,
        ));
    }

    fn begin_next(&mut self) {
        if let Some(shares) = self.waiting.pop() {
            self.begin(shares);
        } else if self.confirmed.is_some() || self.close.is_some() {
            self.begin(Shares::default());
        }
    }

    /// The job at hand has done all of its work.
    fn finish(&mut self) {
        let Some(job) = self.job.take() else { return };
        if self.waiting.is_empty() {
            (self.confirmed, self.close) = (None, None);
        }
        self.sifted.held = self.take_in(job);
        self.begin_next();
    }

    /// Notes what a job has added. The conversation as it stands.
    fn take_in(&mut self, job: Job) -> Option<Held> {
        let owners = std::mem::take(&mut self.owners);
        self.sifted.done.extend(owners.into_vec());
        let (held, update) = job.into_parts();
        let earlier = self.sifted.update.take();
        self.sifted.update = match (earlier, update) {
            (Some(earlier), Some(mut update)) => {
                let traces: BTreeSet<_> = earlier.traces.into_iter().chain(update.traces).collect();
                update.traces = traces.into_iter().collect();
                Some(update)
            }
            (earlier, update) => update.or(earlier),
        };
        held
    }

    /// The step at hand cannot be done. What is known of the conversation is loaded anew for whatever is tried next.
    fn cannot(&mut self, trouble: Trouble) {
        let Some(job) = self.job.take() else { return };
        if job.has_added() {
            self.take_in(job);
            return self.leave(trouble, Shares::default());
        }
        let at_fault = match trouble.remedy {
            Remedy::Upgrade => AtFault::Conversation,
            _ => job.at_fault(),
        };
        let shares = Shares::of(job.into_news(), std::mem::take(&mut self.owners));
        match at_fault {
            AtFault::Conversation => return self.leave(trouble, shares),
            AtFault::Either | AtFault::News if shares.len() > 1 => {
                let (first, second) = shares.halves();
                self.waiting.extend([second, first]);
            }
            AtFault::Either => self.waiting.push(shares),
            AtFault::News => {
                let (_, owners) = shares.into_parts();
                let owners = owners.into_vec().into_iter();
                let refused = owners.map(|owner| (owner, trouble.cause.clone()));
                self.sifted.refused.extend(refused);
            }
        }
        self.begin_next();
    }

    /// Nothing more is tried.
    fn leave(&mut self, trouble: Trouble, shares: Shares<T>) {
        let mut left = shares;
        while let Some(shares) = self.waiting.pop() {
            left.append(shares);
        }
        self.sifted.trouble = Some((trouble, left));
    }
}

#[cfg(test)]
mod tests;
