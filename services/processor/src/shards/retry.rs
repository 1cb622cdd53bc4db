//! Steps that are repeated while the store cannot do them.

use super::sifting::Trouble;
use crate::metrics as names;
use metrics::counter;
use parking_lot::Mutex;
use runtime::health::Condition;
use std::time::Duration;
use store::Remedy;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// An outage that goes on is told this often, however many steps fail in it.
const TELL_EVERY: Duration = Duration::from_secs(30);
/// The store counts as away until it has answered for so long without a failure between.
const CALM: Duration = Duration::from_secs(2);

/// Whether the store answers, over all that is asked of it: told once when it fails, now and then while it does, and once
/// when it answers again.
#[derive(Debug)]
pub struct StoreHealth {
    condition: Condition,
    outage: Mutex<Option<Outage>>,
    refusals: Seldom,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    failed_at: Instant,
    told_at: Instant,
    failures: u64,
    untold: u64,
}

impl StoreHealth {
    pub fn new(condition: Condition) -> Self {
        condition.met();
        Self {
            condition,
            outage: Mutex::new(None),
            refusals: Seldom::default(),
        }
    }

    pub fn failed(&self, step: &'static str, cause: &store::Error) {
        counter!(names::STORE_ERRORS, "step" => step).increment(1);
        self.condition.unmet(format!("{step}: {cause}"));
        let now = Instant::now();
        let mut outage = self.outage.lock();
        let outage = outage.get_or_insert_with(|| {
            warn!(step, error = %cause, "the store failed; what failed is tried again until it works");
            Outage {
                since: now,
                failed_at: now,
                told_at: now,
                failures: 0,
                untold: 0,
            }
        });
        (outage.failed_at, outage.failures, outage.untold) =
            (now, outage.failures + 1, outage.untold + 1);
        if now - outage.told_at >= TELL_EVERY {
            warn!(step, error = %cause, failures = outage.untold, "the store still fails");
            (outage.told_at, outage.untold) = (now, 0);
        }
    }

    /// The store refuses a step for what it is about, and repeating it does not help: the others go on without it.
    pub fn refused(&self, step: &'static str, cause: &store::Error) {
        counter!(names::STORE_ERRORS, "step" => step).increment(1);
        if let Some(others) = self.refusals.tell() {
            warn!(step, error = %cause, others, "the store refuses a step, which is left out");
        }
    }

    /// The store has answered. It is well when nothing has failed for a while.
    pub fn answered(&self) {
        let mut slot = self.outage.lock();
        if let Some(outage) = &*slot
            && outage.failed_at.elapsed() >= CALM
        {
            let lasted_s = (outage.failed_at - outage.since).as_secs();
            info!(
                lasted_s,
                failures = outage.failures,
                "the store works again"
            );
            *slot = None;
            self.condition.met();
        }
    }
}

/// Says now and then what happens all the time.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<Option<(Instant, u64)>>);

impl Seldom {
    /// Whether it is to be told now, and then how often it was not since it was told last.
    pub fn tell(&self) -> Option<u64> {
        let now = Instant::now();
        let mut last = self.0.lock();
        match &mut *last {
            Some((told_at, untold)) if now - *told_at < TELL_EVERY => {
                *untold += 1;
                None
            }
            known => {
                let untold = known.map_or(0, |(_, untold)| untold);
                *known = Some((now, 0));
                Some(untold)
            }
        }
    }
}

/// What is done after a failure of what others need not wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Again,
    /// It does not work, however often it is repeated.
    LeftOut,
    Stopping,
}

/// What a step is about, by which it is judged what helps when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The store as a whole: nothing else is to blame.
    Store,
    /// What is stored of one, which may turn out to be unreadable.
    Stored,
    /// One, whatever is stored of it.
    One,
}

/// What a failure of a step comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    Again,
    Stopping,
    /// The store cannot be asked; what was to be done stays due.
    NotVerified,
    /// What is stored is to be removed.
    Unreadable,
    /// The one that it is about is to be set apart.
    Trouble(Trouble),
}

/// How often a commit is tried again on what another process wrote before the batch waits a little.
const CONFLICTS_BEFORE_PAUSE: u32 = 3;
const PAUSE: Duration = Duration::from_millis(20);

/// After some conflicts, lets the others get on.
pub(crate) async fn after_conflict(conflicts: u32) {
    if conflicts >= CONFLICTS_BEFORE_PAUSE {
        tokio::time::sleep(PAUSE).await;
    }
}

/// Repeats one step. Consumption stops by itself meanwhile, since records stay undone.
#[derive(Debug)]
pub struct Retry<'a> {
    health: &'a StoreHealth,
    stopping: &'a CancellationToken,
    step: &'static str,
    pause: Duration,
}

impl<'a> Retry<'a> {
    pub fn new(
        health: &'a StoreHealth,
        stopping: &'a CancellationToken,
        step: &'static str,
    ) -> Self {
        Self {
            health,
            stopping,
            step,
            pause: RETRY_MIN,
        }
    }

    /// What the failure comes to; has waited where the step is to be repeated.
    pub async fn judge(&mut self, cause: &store::Error, about: About) -> Failure {
        match (cause.remedy(), about) {
            (Remedy::Repeat, _) => match self.after(cause).await {
                true => Failure::Again,
                false => Failure::Stopping,
            },
            (_, About::Store) => {
                self.health.refused(self.step, cause);
                Failure::NotVerified
            }
            (Remedy::Remove, About::Stored) => Failure::Unreadable,
            (remedy, _) => Failure::Trouble(Trouble {
                remedy,
                cause: cause.to_string(),
            }),
        }
    }

    /// Waits likewise, where waiting helps.
    pub async fn after_or_leave(&mut self, cause: &store::Error) -> After {
        if cause.remedy() != Remedy::Repeat {
            self.health.refused(self.step, cause);
            return After::LeftOut;
        }
        match self.after(cause).await {
            true => After::Again,
            false => After::Stopping,
        }
    }

    /// Waits, longer each time. False when the process stops meanwhile: the records are then read again.
    pub async fn after(&mut self, cause: &store::Error) -> bool {
        self.health.failed(self.step, cause);
        tokio::select! {
            () = tokio::time::sleep(self.pause) => {}
            () = self.stopping.cancelled() => return false,
        }
        self.pause = (self.pause * 2).min(RETRY_MAX);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::health::Health;

    fn cause() -> store::Error {
        store::Error::Config("away".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn what_happens_all_the_time_is_told_now_and_then() {
        let seldom = Seldom::default();
        assert_eq!(seldom.tell(), Some(0));
        assert_eq!([seldom.tell(), seldom.tell()], [None, None]);
        tokio::time::advance(TELL_EVERY).await;
        assert_eq!(seldom.tell(), Some(2));
        assert_eq!(seldom.tell(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_answer_between_failures_does_not_make_the_store_well() {
        let health = Health::default();
        let store = StoreHealth::new(health.condition("store"));
        assert!(health.ready().ok);
        store.failed("commit", &cause());
        store.answered();
        assert!(!health.ready().ok);
        tokio::time::advance(CALM).await;
        store.answered();
        assert!(health.ready().ok);
    }
}
