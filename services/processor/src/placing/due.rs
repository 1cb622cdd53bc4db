//! Finding the traces of which something is due (spans that no id has placed), and handing them to their tasks.

use super::{Place, Places, job};
use crate::shards::job::Close;
use crate::shards::retry::StoreHealth;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::{Semaphore, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const TICK: Duration = Duration::from_secs(1);
/// Traces visited at once. They hold what waits in them meanwhile.
const VISITED_MAX: usize = 256;

#[derive(Debug)]
pub struct Due {
    pub store: Store,
    pub health: Arc<StoreHealth>,
    /// How far time has got, as the books last said; `None` before that is known.
    pub due: watch::Receiver<Option<Close>>,
    pub places: Places,
    pub stopping: CancellationToken,
}

impl Due {
    pub async fn run(self) -> anyhow::Result<()> {
        let permits = Arc::new(Semaphore::new(VISITED_MAX));
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.stopping.cancelled() => return Ok(()),
            }
            if let Err(cause) = self.visit_due(&permits).await {
                self.health.failed("due traces", &cause);
            }
        }
    }

    async fn visit_due(&self, permits: &Arc<Semaphore>) -> Result<(), store::Error> {
        let Some(close) = self.due.borrow().clone() else {
            return Ok(());
        };
        let room = permits.available_permits();
        let due = self.store.due_traces(close.watermark_ms, room).await?;
        for key in due {
            let Ok(permit) = Arc::clone(permits).try_acquire_owned() else {
                break;
            };
            let work = job::Work {
                visit: Some(close.clone()),
                ..job::Work::default()
            };
            self.places.send(Place {
                key,
                work,
                tickets: Vec::new(),
                permits: vec![permit],
            });
        }
        Ok(())
    }
}
