//! A single Redis that is killed, loses its last writes or everything, freezes, or has no room.

use crate::durable::Durable;
use crate::scenario::{Play, Scenario, Scene};
use crate::stage::pause;
use crate::state::Place;
use futures::FutureExt;
use redis::cmd;
use std::time::Duration;
use tokio::time::Instant;

/// Between two faults: the system has begun to work again.
const BETWEEN_MS: std::ops::Range<u64> = 2_000..6_000;
/// What a crash with an append-only file that is synced every second may cost.
const LOST_LAST: Duration = Duration::from_secs(1);
/// Longer than any answer is waited for, and than it may take to find out that nobody can be ready.
const FROZEN: Duration = Duration::from_secs(20);
/// So long there is no room.
const FULL: Duration = Duration::from_secs(10);

pub(crate) const SCENARIOS: [Scenario; 7] = [
    Scenario {
        name: "redis-kill",
        fault: "Redis killed with -9 and restarted",
        times_short: 0,
        times_long: 5,
        play: Play::Shared(2, Place::Single, |scene| kill(scene).boxed_local()),
    },
    Scenario {
        name: "redis-cut",
        fault: "Redis back without its last second of writes",
        times_short: 3,
        times_long: 6,
        play: Play::Shared(2, Place::Slow, |scene| cut(scene).boxed_local()),
    },
    Scenario {
        name: "redis-empty",
        fault: "FLUSHALL, under lag and at rest",
        times_short: 0,
        times_long: 2,
        play: Play::Shared(2, Place::Slow, |scene| empty(scene).boxed_local()),
    },
    Scenario {
        name: "redis-frozen",
        fault: "Redis frozen for 20 s, under lag and at rest",
        times_short: 0,
        times_long: 2,
        play: Play::Shared(2, Place::Single, |scene| freeze(scene).boxed_local()),
    },
    Scenario {
        name: "redis-full",
        fault: "Redis at its maxmemory, then given more",
        times_short: 0,
        times_long: 2,
        play: Play::Shared(2, Place::Slow, |scene| fill(scene).boxed_local()),
    },
    Scenario {
        name: "redis-disk",
        fault: "the disk under Redis' append-only file full, then not",
        times_short: 0,
        times_long: 1,
        play: Play::Shared(2, Place::SmallDisk, |scene| fill_disk(scene).boxed_local()),
    },
    Scenario {
        name: "redis-network",
        fault: "connections to Redis cut, halted, half-open and refused",
        times_short: 0,
        times_long: 8,
        play: Play::Shared(2, Place::Proxied, |scene| network(scene).boxed_local()),
    },
];

async fn kill(scene: &mut Scene) -> anyhow::Result<()> {
    for _ in 0..scene.times {
        pause(&mut scene.random, BETWEEN_MS).await;
        scene.state.single().kill();
        pause(&mut scene.random, 0..3_000).await;
        scene.state.single().restart().await;
        scene.strike().await;
    }
    Ok(())
}

async fn cut(scene: &mut Scene) -> anyhow::Result<()> {
    for _ in 0..scene.times {
        pause(&mut scene.random, BETWEEN_MS).await;
        lose_the_last_second(scene.state.single()).await?;
        scene.strike().await;
    }
    Ok(())
}

/// Kills it, takes what it wrote within the last second away, and starts it again.
async fn lose_the_last_second(redis: &mut Durable) -> anyhow::Result<()> {
    let bytes = redis.written_bytes()?;
    let asked_at = Instant::now();
    tokio::time::sleep_until(asked_at + LOST_LAST).await;
    redis.kill();
    redis.cut_to(bytes)?;
    redis.restart().await;
    Ok(())
}

async fn empty(scene: &mut Scene) -> anyhow::Result<()> {
    for turn in 0..scene.times {
        settle_every_second_time(scene, turn).await;
        scene.state.single().run::<()>(&cmd("FLUSHALL"))?;
        scene.strike().await;
    }
    Ok(())
}

async fn freeze(scene: &mut Scene) -> anyhow::Result<()> {
    for turn in 0..scene.times {
        settle_every_second_time(scene, turn).await;
        scene.state.single().freeze();
        let reason = "Redis has been frozen for long";
        scene.subject.watch.nobody_can_be_ready(reason);
        tokio::time::sleep(FROZEN).await;
        scene.subject.watch.anybody_can_be_ready();
        scene.state.single().thaw();
        scene.strike().await;
    }
    Ok(())
}

async fn fill(scene: &mut Scene) -> anyhow::Result<()> {
    for _ in 0..scene.times {
        pause(&mut scene.random, BETWEEN_MS).await;
        // Less than it uses: nothing more is taken.
        scene.state.single().set("maxmemory", "1mb")?;
        tokio::time::sleep(FULL).await;
        scene.state.single().set("maxmemory", "0")?;
        scene.strike().await;
    }
    Ok(())
}

async fn fill_disk(scene: &mut Scene) -> anyhow::Result<()> {
    for _ in 0..scene.times {
        pause(&mut scene.random, BETWEEN_MS).await;
        scene.state.disk().fill()?;
        tokio::time::sleep(FULL).await;
        scene.state.disk().empty()?;
        scene.strike().await;
    }
    Ok(())
}

async fn network(scene: &mut Scene) -> anyhow::Result<()> {
    for turn in 0..scene.times {
        pause(&mut scene.random, BETWEEN_MS).await;
        match turn % 4 {
            0 => scene.state.proxy().cut(),
            1 => scene.state.proxy().halt(),
            2 => scene.state.proxy().leave_half_open(),
            _ => scene.state.proxy().refuse(),
        }
        pause(&mut scene.random, 1_000..9_000).await;
        scene.state.proxy().go_on();
        scene.strike().await;
    }
    Ok(())
}

/// The first fault comes under lag, the second when nothing is left to do, and so on.
async fn settle_every_second_time(scene: &mut Scene, turn: u32) {
    match turn % 2 {
        0 => pause(&mut scene.random, BETWEEN_MS).await,
        _ => drop(scene.subject.rest(scene.last_ms, Instant::now()).await),
    }
}
