//! Taking conversations that expired out of the lists.

use runtime::clock::Clock;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// Each sweep looks at a bounded part of the lists, and the store gives it to one of all processors in about this time.
const TICK: Duration = Duration::from_secs(10);

pub async fn run(
    store: Store,
    clock: Arc<dyn Clock>,
    stopping: CancellationToken,
) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stopping.cancelled() => return Ok(()),
        }
        match store.sweep(clock.now_ms()).await {
            Ok(swept) => debug!(?swept, "swept the lists"),
            Err(cause) => warn!(error = %cause, "cannot sweep the lists now"),
        }
    }
}
