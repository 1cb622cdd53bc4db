//! A single Redis that is killed, loses its last writes or everything, freezes, or has no room.

use crate::durable::Durable;
use crate::scenario::{Scenario, Scene};
use crate::stage::pause;
use futures::FutureExt;
use std::time::Duration;
use tokio::time::Instant;

/// Between two faults: the system has begun to work again.
const BETWEEN_MS: std::ops::Range<u64> = 3_000..7_000;
/// What a crash with an append-only file that is synced every second may cost.
const LOST_LAST: Duration = Duration::from_secs(1);

pub(crate) const SCENARIOS: [Scenario; 2] = [
    Scenario {
        name: "redis-kill",
        fault: "Redis killed with -9 and restarted",
        processors: 2,
        times_short: 0,
        times_long: 5,
        play: |scene| kill(scene).boxed_local(),
    },
    Scenario {
        name: "redis-cut",
        fault: "Redis back without its last second of writes",
        processors: 2,
        times_short: 3,
        times_long: 6,
        play: |scene| cut(scene).boxed_local(),
    },
];

async fn kill(scene: &mut Scene) -> anyhow::Result<()> {
    for _ in 0..scene.times {
        pause(&mut scene.random, BETWEEN_MS).await;
        scene.redis.kill();
        pause(&mut scene.random, 0..3_000).await;
        scene.redis.restart().await;
        scene.done += 1;
    }
    Ok(())
}

async fn cut(scene: &mut Scene) -> anyhow::Result<()> {
    for _ in 0..scene.times {
        pause(&mut scene.random, BETWEEN_MS).await;
        lose_the_last_second(&mut scene.redis).await?;
        scene.done += 1;
    }
    Ok(())
}

/// Kills it, takes what it wrote within the last second away, and starts it again.
pub(crate) async fn lose_the_last_second(redis: &mut Durable) -> anyhow::Result<()> {
    let bytes = redis.written_bytes()?;
    let asked_at = Instant::now();
    tokio::time::sleep_until(asked_at + LOST_LAST).await;
    redis.kill();
    redis.cut_to(bytes)?;
    redis.restart().await;
    Ok(())
}
