//! Processors that are stopped, killed, frozen and joined by others, while there is lag.

use crate::scenario::{Play, Scenario, Scene};
use crate::stage::pause;
use crate::state::Place;
use crate::subject::SESSION_TIMEOUT;
use futures::FutureExt;
use std::time::Duration;

/// Between two faults: hits joins, the first reads after them, and steady work.
const BETWEEN_MS: std::ops::Range<u64> = 100..1_000;

pub(crate) const SCENARIOS: [Scenario; 7] = [
    Scenario {
        name: "scale",
        fault: "processors added and removed, 1→3→1",
        times_short: 0,
        times_long: 20,
        play: Play::Shared(1, Place::Slow, |scene| scale(scene).boxed_local()),
    },
    Scenario {
        name: "rolling",
        fault: "SIGTERM under lag, in turn, 3 processors",
        times_short: 16,
        times_long: 45,
        play: Play::Shared(3, Place::Slow, |scene| rolling(scene).boxed_local()),
    },
    Scenario {
        name: "one-of-two",
        fault: "SIGTERM under lag, one of 2",
        times_short: 0,
        times_long: 35,
        play: Play::Shared(2, Place::Slow, |scene| one_of_two(scene).boxed_local()),
    },
    Scenario {
        name: "join-and-stop",
        fault: "a second joins, then a stop within a second",
        times_short: 0,
        times_long: 30,
        play: Play::Shared(1, Place::Slow, |scene| join_and_stop(scene).boxed_local()),
    },
    Scenario {
        name: "kill",
        fault: "kill -9, one of 2",
        times_short: 0,
        times_long: 40,
        play: Play::Shared(2, Place::Slow, |scene| kill(scene).boxed_local()),
    },
    Scenario {
        name: "freeze",
        fault: "SIGSTOP past the session timeout, one of 2",
        times_short: 0,
        times_long: 15,
        play: Play::Shared(2, Place::Slow, |scene| freeze(scene).boxed_local()),
    },
    Scenario {
        name: "mixed",
        fault: "any of these to any of 3, at once",
        times_short: 0,
        times_long: 30,
        play: Play::Shared(3, Place::Slow, |scene| mixed(scene).boxed_local()),
    },
];

/// As a deployment does it: each is stopped, started again and ready before the next.
async fn rolling(scene: &mut Scene) -> anyhow::Result<()> {
    for turn in 0..scene.times as usize {
        pause(&mut scene.random, BETWEEN_MS).await;
        let number = turn % scene.subject.processors();
        scene.subject.stop(number).await?;
        scene.strike().await;
        // At once, or when the others have just taken over what it had.
        pause(&mut scene.random, 0..400).await;
        scene.subject.restart(number);
        scene.subject.ready(number).await;
    }
    Ok(())
}

async fn one_of_two(scene: &mut Scene) -> anyhow::Result<()> {
    for _ in 0..scene.times {
        pause(&mut scene.random, BETWEEN_MS).await;
        scene.subject.stop(1).await?;
        scene.strike().await;
        pause(&mut scene.random, 0..500).await;
        scene.subject.restart(1);
        if scene.random.bool() {
            scene.subject.ready(1).await;
        }
    }
    Ok(())
}

async fn join_and_stop(scene: &mut Scene) -> anyhow::Result<()> {
    scene.subject.add_processors(1).await?;
    scene.subject.stop(1).await?;
    for turn in 0..scene.times as usize {
        scene.subject.restart(1);
        pause(&mut scene.random, 300..1_000).await;
        // Now the one that was there, now the one that came.
        let stopped = turn % 2;
        scene.subject.stop(stopped).await?;
        scene.strike().await;
        pause(&mut scene.random, 0..700).await;
        if stopped == 0 {
            scene.subject.restart(0);
            scene.subject.ready(0).await;
            scene.subject.stop(1).await?;
        }
    }
    Ok(())
}

async fn kill(scene: &mut Scene) -> anyhow::Result<()> {
    for turn in 0..scene.times as usize {
        pause(&mut scene.random, BETWEEN_MS).await;
        let number = turn % 2;
        scene.subject.kill(number);
        scene.strike().await;
        pause(&mut scene.random, 0..500).await;
        scene.subject.restart(number);
    }
    Ok(())
}

async fn freeze(scene: &mut Scene) -> anyhow::Result<()> {
    for turn in 0..scene.times as usize {
        pause(&mut scene.random, BETWEEN_MS).await;
        let number = turn % 2;
        scene.subject.freeze(number);
        tokio::time::sleep(SESSION_TIMEOUT + Duration::from_secs(2)).await;
        scene.subject.thaw(number);
        scene.strike().await;
    }
    Ok(())
}

/// Up and down again, each step a join or a leave.
async fn scale(scene: &mut Scene) -> anyhow::Result<()> {
    while scene.done < scene.times {
        for _ in 0..2 {
            scene.subject.add_processors(1).await?;
            scene.strike().await;
            pause(&mut scene.random, BETWEEN_MS).await;
        }
        for _ in 0..2 {
            scene.subject.remove_processor().await?;
            scene.strike().await;
            pause(&mut scene.random, BETWEEN_MS).await;
        }
    }
    Ok(())
}

async fn mixed(scene: &mut Scene) -> anyhow::Result<()> {
    for _ in 0..scene.times {
        pause(&mut scene.random, 0..1_000).await;
        let number = scene.random.usize(..scene.subject.processors());
        match scene.random.u8(..4) {
            0 => scene.subject.kill(number),
            1 => {
                scene.subject.freeze(number);
                pause(&mut scene.random, 500..8_000).await;
                scene.subject.thaw(number);
                scene.strike().await;
                continue;
            }
            _ => scene.subject.stop(number).await?,
        }
        scene.strike().await;
        pause(&mut scene.random, 0..300).await;
        scene.subject.restart(number);
    }
    Ok(())
}
