//! Redis servers that take over from others: a replica behind one address, and a cluster.

use crate::scenario::{Play, Scenario, Scene};
use crate::stage::pause;
use crate::state::Place;
use futures::FutureExt;
use std::time::Duration;

const BETWEEN_MS: std::ops::Range<u64> = 3_000..7_000;
/// Slots that change hands in one move.
const MOVED_SLOTS: usize = 200;
/// So long a replica hears nothing before its primary dies: it takes over without the last writes.
const FROZEN: Duration = Duration::from_millis(600);

pub(crate) const SCENARIOS: [Scenario; 5] = [
    Scenario {
        name: "replica-kept",
        fault: "replica promoted behind the same address, connections kept",
        times_short: 0,
        times_long: 2,
        play: Play::Shared(2, Place::Pair, |scene| promote(scene).boxed_local()),
    },
    Scenario {
        name: "replica-dropped",
        fault: "primary killed, its lagging replica promoted behind the same address",
        times_short: 0,
        times_long: 3,
        play: Play::Shared(2, Place::Pair, |scene| fail_over(scene).boxed_local()),
    },
    Scenario {
        name: "cluster-moves",
        fault: "Cluster: slots moved to another primary",
        times_short: 0,
        times_long: 3,
        play: Play::Shared(2, Place::Cluster, |scene| moves(scene).boxed_local()),
    },
    Scenario {
        name: "cluster-kill",
        fault: "Cluster: a primary killed",
        times_short: 0,
        times_long: 2,
        play: Play::Shared(2, Place::Cluster, |scene| {
            kill(scene, Duration::ZERO).boxed_local()
        }),
    },
    Scenario {
        name: "cluster-kill-behind",
        fault: "Cluster: a primary killed when its replica was frozen for 0.6 s",
        times_short: 0,
        times_long: 4,
        play: Play::Shared(2, Place::Cluster, |scene| kill(scene, FROZEN).boxed_local()),
    },
];

async fn promote(scene: &mut Scene) -> anyhow::Result<()> {
    for _ in 0..scene.times {
        pause(&mut scene.random, BETWEEN_MS).await;
        scene.state.pair().promote_and_keep().await?;
        scene.strike().await;
    }
    Ok(())
}

async fn fail_over(scene: &mut Scene) -> anyhow::Result<()> {
    for _ in 0..scene.times {
        pause(&mut scene.random, BETWEEN_MS).await;
        scene.state.pair().fail_over().await?;
        scene.strike().await;
    }
    Ok(())
}

async fn moves(scene: &mut Scene) -> anyhow::Result<()> {
    for _ in 0..scene.times {
        pause(&mut scene.random, 1_000..3_000).await;
        let cluster = scene.state.cluster();
        let random = &mut scene.random;
        tokio::task::block_in_place(|| cluster.move_slots(random, MOVED_SLOTS))?;
        scene.strike().await;
    }
    Ok(())
}

async fn kill(scene: &mut Scene, frozen: Duration) -> anyhow::Result<()> {
    for _ in 0..scene.times {
        pause(&mut scene.random, BETWEEN_MS).await;
        let cluster = scene.state.cluster();
        cluster.fail_over(&mut scene.random, frozen).await?;
        scene.strike().await;
    }
    Ok(())
}
