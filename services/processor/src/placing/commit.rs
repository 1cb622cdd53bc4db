//! Carrying out the steps of a trace's work, and what stands beside traces.

use super::job::{self, Job, Outcome, Rules, Step, Told};
use super::{Place, Placing};
use crate::item::Ticket;
use crate::metrics as names;
use crate::shards::retry::{About, After, Failure, Retry, after_conflict};
use crate::shards::sifting::Trouble;
use domain::ids::{Digest, TraceKey};
use metrics::counter;
use store::{Commit, Held, TraceCommit, TraceHead};
use tokio::sync::OwnedSemaphorePermit;
use tracing::error;

/// Longer than anything that a trace is kept for, so that it does not expire before its time has come.
const TTL_MARGIN_MS: i64 = 3_600_000;

/// What came of the work on a trace.
pub(super) enum Came {
    Of(Worked),
    /// The store does not do it: what is left.
    ToNothing(Trouble, Place),
}

/// A trace that was worked on.
pub(super) struct Worked {
    pub(super) key: TraceKey,
    pub(super) told: Told,
    pub(super) tickets: Vec<Ticket>,
    pub(super) permits: Vec<OwnedSemaphorePermit>,
}

impl Placing {
    /// False when the process stops before the store could do it.
    pub(super) async fn note(&self, worked: &[Worked]) -> bool {
        let heads: Vec<TraceHead> = worked
            .iter()
            .filter_map(|worked| worked.told.head.clone())
            .collect();
        let held: Vec<Held> = worked
            .iter()
            .filter_map(|worked| worked.told.held.clone())
            .collect();
        let store = &self.shared.store;
        let mut retry = self.retry("index traces");
        while !heads.is_empty() {
            let Err(cause) = store.index_traces(&heads).await else {
                break;
            };
            match retry.after_or_leave(&cause).await {
                After::Again => {}
                After::LeftOut => break,
                After::Stopping => return false,
            }
        }
        let mut retry = self.retry("hold traces");
        let bytes_max = self.shared.config.resolve.held_bytes_max;
        while !held.is_empty() {
            match store.hold(&held, bytes_max, self.ttl_ms()).await {
                Ok(beyond) => {
                    self.let_go(beyond).await;
                    break;
                }
                Err(cause) => match retry.after_or_leave(&cause).await {
                    After::Again => {}
                    After::LeftOut => break,
                    After::Stopping => return false,
                },
            }
        }
        true
    }

    /// Has traces let go of what they hold. Whoever notes something of the project next is told of them again.
    async fn let_go(&self, beyond: Vec<Held>) {
        let digests: Vec<Digest> = beyond.iter().map(|held| held.trace).collect();
        let heads = match self.shared.store.trace_heads(&digests).await {
            Ok(heads) => heads,
            Err(cause) => return self.shared.health.failed("traces", &cause),
        };
        let mut gone = Vec::new();
        for (held, head) in beyond.into_iter().zip(heads) {
            match head {
                Some(head) => self.shared.places.send(Place {
                    key: head.key,
                    work: job::Work {
                        lets_go: true,
                        ..job::Work::default()
                    },
                    tickets: Vec::new(),
                    permits: Vec::new(),
                }),
                None => gone.push(Held { bytes: 0, ..held }),
            }
        }
        if let Err(cause) = self.shared.store.hold(&gone, u64::MAX, self.ttl_ms()).await {
            self.shared.health.failed("traces", &cause);
        }
    }

    /// `None` when the process stops before the store could do it.
    #[tracing::instrument(skip_all, fields(trace = %place.key.trace, reports = place.work.batch.reports.len()))]
    pub(super) async fn work_until_done(&self, place: Place) -> Option<Came> {
        let Place {
            key,
            work,
            tickets,
            permits,
        } = place;
        let digest = key.digest();
        let cached = self.cache.take(&digest);
        let rules = self.rules(&key.project);
        let mut job = Job::new(key.clone(), work, cached, rules);
        let mut outcome = None;
        loop {
            let step = job.next(outcome);
            if let Step::Done = step {
                break;
            }
            outcome = match self.carry_out(&job, &step).await? {
                Ok(outcome) => Some(outcome),
                Err(trouble) => {
                    let left = Place {
                        key,
                        work: job.into_work(),
                        tickets,
                        permits,
                    };
                    return Some(Came::ToNothing(trouble, left));
                }
            };
        }
        let (kept, told) = job.into_parts();
        if let Some(kept) = kept {
            self.cache.put(digest, kept);
        }
        Some(Came::Of(Worked {
            key,
            told,
            tickets,
            permits,
        }))
    }

    fn rules(&self, project: &str) -> Rules {
        let config = &self.shared.config;
        Rules {
            limits: config.assembly.limits,
            times: config.resolve.times(),
            without_id: config.assembly.without_id_of(project),
            retry_ms: config.chain.try_every_ms(),
        }
    }

    /// `None` when the process stops before the store could do it.
    async fn carry_out(&self, job: &Job, step: &Step) -> Option<Result<Outcome, Trouble>> {
        let name = match step {
            Step::Load => "load trace",
            Step::Verify(_) => "verify",
            Step::Commit { .. } => "commit trace",
            Step::Reset | Step::Done => "reset trace",
        };
        let mut retry = self.retry(name);
        loop {
            let cause = match self.attempt(job, step).await {
                Ok(outcome) => return Some(Ok(outcome)),
                Err(cause) => cause,
            };
            let about = match step {
                Step::Verify(_) => About::Store,
                Step::Load | Step::Commit { .. } => About::Stored,
                Step::Reset | Step::Done => About::One,
            };
            match retry.judge(&cause, about).await {
                Failure::Again => {}
                Failure::Stopping => return None,
                Failure::NotVerified => return Some(Ok(Outcome::Verified(false))),
                Failure::Unreadable => {
                    error!(error = %cause, trace = %job.key().trace, "a stored trace cannot be read: its spans are placed anew by what comes");
                    return Some(Ok(Outcome::Unreadable));
                }
                Failure::Trouble(trouble) => return Some(Err(trouble)),
            }
        }
    }

    async fn attempt(&self, job: &Job, step: &Step) -> Result<Outcome, store::Error> {
        let store = &self.shared.store;
        let digest = job.key().digest();
        Ok(match step {
            Step::Load => {
                let loaded = store.load_traces(&[digest]).await?.pop().flatten();
                Outcome::Loaded(loaded.map(Box::new))
            }
            Step::Verify(epoch) => Outcome::Verified(self.shared.verified.is_current(epoch).await?),
            Step::Commit {
                head,
                entry,
                is_anew,
            } => {
                let commit = TraceCommit {
                    head,
                    entry,
                    is_anew: *is_anew,
                };
                let commit = store.commit_trace(commit, self.ttl_ms()).await?;
                if let Commit::Conflict { .. } = commit {
                    counter!(names::TRACE_CONFLICTS).increment(1);
                    after_conflict(job.conflicts).await;
                }
                Outcome::Committed(commit)
            }
            Step::Reset | Step::Done => {
                store.remove_trace(&digest).await?;
                Outcome::Removed
            }
        })
    }

    fn ttl_ms(&self) -> u64 {
        let kept_ms = self.shared.config.resolve.times().kept_ms();
        u64::try_from(kept_ms.saturating_add(TTL_MARGIN_MS)).unwrap_or(u64::MAX)
    }

    fn retry(&self, step: &'static str) -> Retry<'_> {
        Retry::new(&self.shared.health, &self.shared.stopping, step)
    }
}
