//! Finding the conversations whose windows the watermark has passed, and those with a revision to publish, and handing them
//! to their shards.

use crate::item::{Shards, Work};
use crate::metrics as names;
use crate::out::publishing::Desk;
use crate::shards::job::Close;
use crate::shards::retry::StoreHealth;
use domain::ids::ConversationKey;
use metrics::gauge;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::{Semaphore, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const TICK: Duration = Duration::from_secs(1);
/// Conversations being closed at once.
const CLOSING_MAX: usize = 64;

#[derive(Debug)]
pub struct Closing {
    pub store: Store,
    pub health: Arc<StoreHealth>,
    pub gap_ms: i64,
    /// How far windows may be closed, see [`crate::placing::due`]; `None` before that is known.
    pub due: watch::Receiver<Option<Close>>,
    pub shards: Shards,
    pub desk: Arc<Desk>,
    pub stopping: CancellationToken,
}

impl Closing {
    pub async fn run(self) -> anyhow::Result<()> {
        let permits = Arc::new(Semaphore::new(CLOSING_MAX));
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.stopping.cancelled() => return Ok(()),
            }
            if let Err(cause) = self.close_due(&permits).await {
                self.health.failed("due", &cause);
            }
        }
    }

    async fn close_due(&self, permits: &Arc<Semaphore>) -> Result<(), store::Error> {
        let Some(close) = self.due.borrow().clone() else {
            return Ok(());
        };
        let due = self
            .store
            .due(close.watermark_ms, self.gap_ms, permits.available_permits())
            .await?;
        self.hand_over(due, &close, permits);
        let (room, on_their_way) = self.desk.room();
        if room > 0 {
            let mut unpublished = self.store.unpublished(room + on_their_way).await?;
            unpublished.retain(|key| !self.desk.holds(key));
            unpublished.truncate(room);
            self.hand_over(unpublished, &close, permits);
        }
        let waiting = self.store.unpublished_count().await?;
        gauge!(names::CONVERSATIONS_UNPUBLISHED).set(waiting as f64);
        Ok(())
    }

    fn hand_over(&self, due: Vec<ConversationKey>, close: &Close, permits: &Arc<Semaphore>) {
        for conversation in due {
            let Ok(permit) = Arc::clone(permits).try_acquire_owned() else {
                break;
            };
            self.shards.send(Work::Close {
                conversation,
                close: close.clone(),
                permit,
            });
        }
    }
}
