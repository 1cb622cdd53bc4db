//! Finding the traces of which something is due (spans that no id has placed), and handing them to their tasks.
//!
//! Conversations are closed only up to where no trace is due any more: what is decided about a span as of some time is
//! there before a window of that time is closed, whoever decides and whoever closes.

use super::{Place, Places, job};
use crate::shards::job::Close;
use crate::shards::retry::StoreHealth;
use domain::ids::TraceKey;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::{Semaphore, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const TICK: Duration = Duration::from_secs(1);
/// Traces visited at once. They hold what waits in them meanwhile.
const VISITED_MAX: usize = 256;
/// How long the visits of a round are waited for before the next round.
const ROUND_MAX: Duration = Duration::from_secs(5);
/// One that is due still after so many visits at the same time is stuck: nobody waits for it.
const VISITS_MAX: u32 = 3;
/// Stuck ones that are looked past.
const STUCK_MAX: usize = 10_000;

#[derive(Debug)]
pub struct Due {
    pub store: Store,
    pub health: Arc<StoreHealth>,
    /// How far time has got, as the books last said; `None` before that is known.
    pub due: watch::Receiver<Option<Close>>,
    /// Up to where every trace was visited: to [`crate::upkeep::closing`].
    pub placed: watch::Sender<Option<Close>>,
    pub places: Places,
    pub stopping: CancellationToken,
}

/// Visiting all that is due at one time.
#[derive(Debug)]
struct Round {
    close: Close,
    visits: HashMap<TraceKey, u32>,
}

impl Due {
    pub async fn run(self) -> anyhow::Result<()> {
        let permits = Arc::new(Semaphore::new(VISITED_MAX));
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut round: Option<Round> = None;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.stopping.cancelled() => return Ok(()),
            }
            let Some(latest) = self.due.borrow().clone() else {
                self.placed.send_replace(None);
                continue;
            };
            round = round.filter(|round| round.close.epoch == latest.epoch);
            let current = round.get_or_insert_with(|| Round {
                close: latest,
                visits: HashMap::new(),
            });
            match self.visit_due(current, &permits).await {
                Ok(true) => {
                    let done = round.take();
                    self.placed.send_replace(done.map(|round| round.close));
                }
                Ok(false) => {}
                Err(cause) => self.health.failed("due traces", &cause),
            }
        }
    }

    /// Visits until nothing is due any more; false when some still are after a while.
    async fn visit_due(
        &self,
        round: &mut Round,
        permits: &Arc<Semaphore>,
    ) -> Result<bool, store::Error> {
        loop {
            let stuck = round
                .visits
                .values()
                .filter(|visits| **visits >= VISITS_MAX);
            let limit = VISITED_MAX + stuck.count().min(STUCK_MAX);
            let watermark_ms = round.close.watermark_ms;
            let due = self.store.due_traces(watermark_ms, limit).await?;
            let (mut left, mut visited) = (0, 0);
            for key in due {
                let visits = round.visits.entry(key.clone()).or_default();
                if *visits >= VISITS_MAX {
                    continue;
                }
                left += 1;
                let Ok(permit) = Arc::clone(permits).try_acquire_owned() else {
                    break;
                };
                *visits += 1;
                visited += 1;
                self.places.send(Place {
                    key,
                    work: job::Work {
                        visit: Some(round.close.clone()),
                        ..job::Work::default()
                    },
                    tickets: Vec::new(),
                    permits: vec![permit],
                });
            }
            if visited == 0 {
                return Ok(left == 0);
            }
            let all = permits.acquire_many(VISITED_MAX as u32);
            if tokio::time::timeout(ROUND_MAX, all).await.is_err() {
                return Ok(false);
            }
        }
    }
}
