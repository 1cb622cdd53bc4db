//! Carrying out the steps of one conversation's work, and what stands outside of the conversations' slots.

use super::batch::Batch;
use super::job::{Close, Outcome, Rules, Step, Update};
use super::retry::{About, Failure, after_conflict};
use super::shares::Shares;
use super::sifting::{Sifted, Sifting, Trouble};
use super::{CONCURRENT_COMMITS, Shard};
use crate::item::Ticket;
use crate::metrics as names;
use crate::out::publishing::Revision;
use domain::facts::Entry;
use domain::ids::ConversationKey;
use domain::window::Closed;
use futures::{FutureExt as _, StreamExt as _};
use metrics::counter;
use std::sync::Arc;
use store::{Commit, IndexUpdate, Remedy, Summary};
use tokio::time::Instant;
use tracing::error;

/// What came of a batch.
pub(super) struct Committed {
    pub(super) key: ConversationKey,
    pub(super) update: Option<IndexUpdate>,
    /// Done when what is outside of the slot is up to date.
    pub(super) tickets: Vec<Ticket>,
    pub(super) refused: Vec<(Ticket, String)>,
    pub(super) trouble: Option<(Trouble, Shares<Ticket>)>,
}

impl Shard {
    /// `None` when the process stops before the store could do it.
    #[tracing::instrument(skip_all, fields(conversation = %key, shares = batch.shares.len(), closes = batch.close.is_some()))]
    pub(super) async fn commit_until_done(
        &self,
        key: ConversationKey,
        batch: Batch,
    ) -> Option<Committed> {
        let digest = key.digest();
        let cached = self.cache.take(&digest);
        let Batch {
            shares,
            confirmed,
            close,
            permits: _held_until_done,
        } = batch;
        let rules = Rules {
            limits: self.shared.config.limits,
            inactivity_gap_ms: self.shared.config.inactivity_gap_ms,
        };
        let revision = confirmed.as_ref().map(|confirmed| confirmed.revision);
        let mut sifting = Sifting::new(key, shares, revision, close.clone(), cached, rules);
        let mut outcome = None;
        loop {
            let began = Instant::now();
            let step = sifting.next(outcome);
            if let Step::Commit { entry: Some(_), .. } = &step {
                self.pace.wrote(digest, began.elapsed());
            }
            outcome = Some(match step {
                Step::Done => break,
                Step::HandOn(closed) => {
                    self.hand_on(&sifting, closed, close.as_ref());
                    Ok(Outcome::HandedOn)
                }
                step => self.carry_out(&sifting, &step).await?,
            });
        }
        let key = sifting.key().clone();
        let Sifted {
            held,
            update,
            done,
            refused,
            trouble,
        } = sifting.into_sifted();
        if let Some(held) = held {
            self.cache.put(digest, held);
        }
        Some(Committed {
            key,
            update: update.map(index_update),
            tickets: done,
            refused,
            trouble,
        })
    }

    /// `None` when the process stops before the store could do it.
    async fn carry_out(
        &self,
        sifting: &Sifting<Ticket>,
        step: &Step,
    ) -> Option<Result<Outcome, Trouble>> {
        let name = match step {
            Step::Load { .. } => "load",
            Step::Verify(_) => "verify",
            Step::Commit { .. } => "commit",
            Step::Reset => "reset",
            Step::HandOn(_) | Step::Done => "none",
        };
        let mut retry = self.retry(name);
        loop {
            let cause = match self.attempt(sifting.key(), step).await {
                Ok(outcome) => {
                    self.count(step, &outcome, sifting.conflicts()).await;
                    return Some(Ok(outcome));
                }
                Err(cause) => cause,
            };
            let about = match step {
                Step::Verify(_) => About::Store,
                Step::Load { .. } | Step::Commit { .. } => About::Stored,
                Step::Reset | Step::HandOn(_) | Step::Done => About::One,
            };
            match retry.judge(&cause, about).await {
                Failure::Again => {}
                Failure::Stopping => return None,
                Failure::NotVerified => return Some(Ok(Outcome::Verified(false))),
                Failure::Unreadable => {
                    error!(error = %cause, "a stored conversation cannot be read: it begins anew, rebuild to recover");
                    counter!(names::CONVERSATIONS_RESET).increment(1);
                    return Some(Ok(Outcome::Unreadable));
                }
                Failure::Trouble(trouble) => return Some(Err(trouble)),
            }
        }
    }

    async fn attempt(&self, key: &ConversationKey, step: &Step) -> Result<Outcome, store::Error> {
        let store = &self.shared.store;
        Ok(match step {
            Step::Load { from_entry } => {
                Outcome::Loaded(store.load(key, *from_entry).await?.map(Box::new))
            }
            Step::Verify(epoch) => Outcome::Verified(self.shared.verified.is_current(epoch).await?),
            Step::Commit { summary, entry } => {
                Outcome::Committed(store.commit(summary, entry.as_deref()).await?)
            }
            Step::Reset => {
                store.remove(key).await?;
                Outcome::Removed
            }
            Step::HandOn(_) | Step::Done => Outcome::HandedOn,
        })
    }

    /// Counts what was done; and after some conflicts waits a little, so that the others get on.
    async fn count(&self, step: &Step, outcome: &Outcome, conflicts: u32) {
        match (step, outcome) {
            (Step::Load { from_entry: 0 }, _) => counter!(names::CACHE_MISSES).increment(1),
            (Step::Commit { summary, entry }, Outcome::Committed(Commit::Done { .. })) => {
                count_written(summary, entry.as_deref());
            }
            (_, Outcome::Committed(Commit::Conflict { .. })) => {
                counter!(names::COMMIT_CONFLICTS).increment(1);
                after_conflict(conflicts).await;
            }
            _ => {}
        }
    }

    /// Hands a revision on to be published. Without room for it nothing is made of it: it is due in the store.
    fn hand_on(&self, sifting: &Sifting<Ticket>, closed: Closed, close: Option<&Close>) {
        let desk = &self.shared.desk;
        if !desk.takes(sifting.key(), closed.revision) {
            return;
        }
        if let Some(view) = sifting.view_of(&closed) {
            let revision = Revision {
                closed,
                view,
                close: close.cloned(),
            };
            desk.put(sifting.key().clone(), revision);
        }
    }

    /// Brings up to date what stands outside of the slots, of all at once, or where the store refuses that, of one after
    /// the other. In the order of what was committed, what came of it; `None` when the process stops before.
    pub(super) async fn index_all(
        &self,
        committed: &[Committed],
    ) -> Option<Vec<Result<(), Trouble>>> {
        let updates = committed.iter().filter_map(|one| one.update.clone());
        let updates: Vec<IndexUpdate> = updates.collect();
        if self.index(&updates).await?.is_ok() {
            return Some(committed.iter().map(|_| Ok(())).collect());
        }
        let one_by_one = committed.iter().map(|one| match &one.update {
            Some(update) => self.index(std::slice::from_ref(update)).boxed(),
            None => std::future::ready(Some(Ok(()))).boxed(),
        });
        let one_by_one: Vec<_> = one_by_one.collect();
        let outcomes = futures::stream::iter(one_by_one).buffered(CONCURRENT_COMMITS);
        let outcomes: Vec<Option<_>> = outcomes.collect().await;
        outcomes.into_iter().collect()
    }

    async fn index(&self, updates: &[IndexUpdate]) -> Option<Result<(), Trouble>> {
        let mut retry = self.retry("index");
        loop {
            match self.shared.store.index(updates).await {
                Ok(()) => return Some(Ok(())),
                Err(cause) if cause.remedy() == Remedy::Repeat => {
                    if !retry.after(&cause).await {
                        return None;
                    }
                }
                // What stands there belongs to no version of ours: it is not waited for.
                Err(cause) => {
                    return Some(Err(Trouble {
                        remedy: Remedy::SetApart,
                        cause: cause.to_string(),
                    }));
                }
            }
        }
    }
}

fn count_written(summary: &Summary, entry: Option<&Entry>) {
    match entry {
        Some(entry) => {
            counter!(names::SPANS_STORED).increment(entry.spans.len() as u64);
            counter!(names::SPANS_OMITTED).increment(entry.omitted.len() as u64);
        }
        None => {
            let is_closing = summary.published_revision < summary.windows.revision;
            counter!(names::WINDOWS_CLOSED).increment(u64::from(is_closing));
        }
    }
}

fn index_update(update: Update) -> IndexUpdate {
    IndexUpdate {
        summary: Arc::new(update.summary),
        trace_ids_added: update.traces,
    }
}
