//! Writes the counts of spans that no rule reads, every few seconds.

use crate::shards::Shared;
use crate::tallies::Tallies;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use store::Tally;

const FLUSH_EVERY: Duration = Duration::from_secs(2);

/// Works until the pipeline has committed its last offsets.
pub async fn run(shared: Arc<Shared>, unread: Arc<Mutex<Tallies>>) -> anyhow::Result<()> {
    let mut turns = tokio::time::interval(FLUSH_EVERY);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.drained.cancelled() => return Ok(()),
            _ = turns.tick() => {}
        }
        // Taken out, so that readers do not wait for the store; what could not be written is counted on.
        let mut counted = std::mem::replace(&mut *unread.lock(), Tallies::new(Tally::Unread));
        counted.flush(&shared.store, &shared.health).await;
        unread.lock().join(counted);
    }
}
