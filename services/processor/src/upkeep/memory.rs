//! Watching how full the store is, so that someone is warned before it refuses writes.

use crate::metrics as names;
use metrics::gauge;
use std::time::Duration;
use store::{Memory, Store};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::debug;

const TICK: Duration = Duration::from_secs(10);

pub async fn run(store: Store, stopping: CancellationToken) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stopping.cancelled() => return Ok(()),
        }
        match store.memory().await {
            Ok(servers) => tell(&servers),
            // A store that does not answer has its own alarm, and one that forbids INFO is not measured.
            Err(cause) => debug!(error = %cause, "cannot ask the store for its memory"),
        }
    }
}

fn tell(servers: &[Memory]) {
    let used_bytes: u64 = servers.iter().map(|server| server.used_bytes).sum();
    gauge!(names::STORE_MEMORY_USED).set(used_bytes as f64);
    gauge!(names::STORE_MEMORY_RATIO).set(fullest(servers));
}

/// The share of the server that will be full first; 0 when none has a limit.
fn fullest(servers: &[Memory]) -> f64 {
    servers
        .iter()
        .filter_map(|server| Some(server.used_bytes as f64 / server.max_bytes? as f64))
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_server_counts() {
        let server = |used_bytes, max_bytes| Memory {
            used_bytes,
            max_bytes,
        };
        let servers = [
            server(10, Some(100)),
            server(90, Some(100)),
            server(500, None),
        ];
        assert!((fullest(&servers) - 0.9).abs() < 1e-9);
        assert!(fullest(&[server(1, None)]).abs() < 1e-9);
    }
}
