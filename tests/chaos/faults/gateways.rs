//! Gateways that are killed under subscribers, who go on elsewhere from their cursors.

use crate::follower::{Follower, Screen};
use crate::load::Spoken;
use crate::scenario::{Play, Scenario, Scene};
use crate::stage::pause;
use crate::state::Place;
use futures::FutureExt;
use harness::graphql::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

const SUBSCRIBERS: usize = 100;
const GATEWAYS: usize = 2;
const BETWEEN_MS: std::ops::Range<u64> = 500..2_000;

pub(crate) const SCENARIOS: [Scenario; 1] = [Scenario {
    name: "gateways",
    fault: "gateways killed under 100 subscribers, who resume elsewhere",
    times_short: 0,
    times_long: 13,
    play: Play::Shared(2, Place::Single, |scene| gateways(scene).boxed_local()),
}];

async fn gateways(scene: &mut Scene) -> anyhow::Result<()> {
    let mut ports = vec![scene.subject.client.port()];
    ports.push(scene.subject.add_gateway().await?);
    let (finish, finishing) = watch::channel(false);
    let mut following = JoinSet::new();
    for number in 0..SUBSCRIBERS {
        let Spoken { project, id, .. } = scene.live[number % scene.live.len()].clone();
        let mut ports = ports.clone();
        ports.rotate_left(number % GATEWAYS);
        let follower = Follower { project, id, ports };
        let finishing = finishing.clone();
        following.spawn(async move {
            let screen = follower.follow(finishing).await;
            (follower, screen)
        });
    }
    for turn in 0..scene.times as usize {
        pause(&mut scene.random, BETWEEN_MS).await;
        let gateway = scene.subject.gateway(turn % GATEWAYS);
        gateway.kill();
        scene.done += 1;
        pause(&mut scene.random, 100..1_500).await;
        let gateway = scene.subject.gateway(turn % GATEWAYS);
        gateway.restart();
        gateway.ready().await;
    }
    scene.subject.rest(scene.last_ms, Instant::now()).await;
    // Nobody listens any more when all have been told.
    let _ = finish.send(true);
    let client = scene.subject.client.clone();
    while let Some(followed) = following.join_next().await {
        let (follower, screen) = followed?;
        if let Some(problem) = wrong(&client, &follower, &screen).await? {
            scene.problems.push(problem);
        }
    }
    Ok(())
}

/// What a subscriber shows otherwise than who asks now is told.
async fn wrong(
    client: &Client,
    follower: &Follower,
    screen: &Screen,
) -> anyhow::Result<Option<String>> {
    let account = client.account_of(&follower.project, &follower.id).await?;
    let problems = screen.against(&account["messages"]);
    let name = format!("a subscriber of {}/{}", follower.project, follower.id);
    Ok((!problems.is_empty()).then(|| format!("{name}: {}", problems.join(", "))))
}
