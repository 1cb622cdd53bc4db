//! Finding the conversations whose windows the watermark has passed, and handing them to their shards.

use crate::item::{Shards, Work};
use crate::pipeline::Standing;
use runtime::clock::Clock;
use std::sync::Arc;
use std::time::Duration;
use store::{PartitionProgress as StoredProgress, Store};
use tokio::sync::{Semaphore, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::warn;

const TICK: Duration = Duration::from_secs(1);
/// Conversations being closed at once. They hold whole transcripts while they are published.
const CLOSING_MAX: usize = 64;
/// A partition whose reader has said nothing for this long holds no window back any more: nobody reads it.
const SILENT_MS: i64 = 5 * 60 * 1_000;

#[derive(Debug)]
pub struct Closing {
    pub store: Store,
    pub group: String,
    pub gap_ms: i64,
    pub clock: Arc<dyn Clock>,
    pub standing: watch::Receiver<Standing>,
    pub shards: Shards,
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
                warn!(error = %cause, "cannot look for conversations to close");
            }
        }
    }

    async fn close_due(&self, permits: &Arc<Semaphore>) -> Result<(), store::Error> {
        let own_ms = self.standing.borrow().done_watermark_ms;
        let Some(own_ms) = own_ms else { return Ok(()) };
        let others = self.store.look(&self.group).await?.partitions;
        let watermark_ms = watermark_ms(own_ms, &others, self.clock.now_ms());
        let due = self
            .store
            .due(watermark_ms, self.gap_ms, permits.available_permits())
            .await?;
        for conversation in due {
            let Ok(permit) = Arc::clone(permits).try_acquire_owned() else {
                break;
            };
            self.shards.send(Work::Close {
                conversation,
                watermark_ms,
                permit,
            });
        }
        Ok(())
    }
}

/// The minimum over what this process reads and what the others of the group say they have done.
fn watermark_ms(own_ms: i64, others: &[StoredProgress], now_ms: i64) -> i64 {
    let spoken = others.iter().filter(|partition| {
        let newest = partition.points.first();
        newest.is_some_and(|point| now_ms - point.at_ms < SILENT_MS)
    });
    spoken
        .map(|partition| partition.watermark_ms.unwrap_or(0))
        .chain([own_ms])
        .min()
        .unwrap_or(own_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_reader_holds_windows_back_until_it_has_been_silent_for_long() {
        let partition = |watermark_ms, at_ms| StoredProgress {
            topic: "otlp_spans".into(),
            partition: 0,
            points: vec![store::Point {
                at_ms,
                next_offset: 1,
                time_ms: None,
            }],
            watermark_ms: Some(watermark_ms),
        };
        let now_ms = 10 * SILENT_MS;
        let others = [
            partition(500, now_ms - 1),
            partition(20, now_ms - SILENT_MS),
        ];
        assert_eq!(watermark_ms(700, &others, now_ms), 500);
        assert_eq!(watermark_ms(100, &others, now_ms), 100);
    }
}
