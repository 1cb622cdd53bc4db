//! Kafka that goes and comes back, alone or as one of three, and a network to it that does what networks do.

use crate::own::Own;
use crate::report::Row;
use crate::scenario::{Play, Scenario, Scene};
use crate::stage::{PARTITIONS, pause};
use crate::state::Place;
use crate::subject::Subject;
use futures::FutureExt;
use harness::kafka::Kafka;
use std::time::Duration;
use tokio::time::Instant;

const BETWEEN_MS: std::ops::Range<u64> = 2_000..5_000;
/// Longer than it may take to find out that nobody can be ready.
const AWAY: Duration = Duration::from_secs(20);
/// Of partitions, and of what the group has committed.
const COPIES: i32 = 3;

pub(crate) const SCENARIOS: [Scenario; 3] = [
    Scenario {
        name: "kafka-kill",
        fault: "Kafka killed with -9, away for 20 s and restarted",
        times_short: 0,
        times_long: 2,
        play: Play::Own(|own, row| kill(own, row).boxed_local()),
    },
    Scenario {
        name: "kafka-kill-one",
        fault: "one of three brokers killed with -9 and restarted, in turn",
        times_short: 0,
        times_long: 3,
        play: Play::Own(|own, row| kill_one(own, row).boxed_local()),
    },
    Scenario {
        name: "kafka-network",
        fault: "connections to Kafka cut, halted, half-open and refused",
        times_short: 0,
        times_long: 8,
        play: Play::Shared(2, Place::Single, |scene| network(scene).boxed_local()),
    },
];

async fn kill(own: &mut Own<'_>, row: &mut Row) -> anyhow::Result<()> {
    let mut kafka = Kafka::start(&own.folder("kafka")?, None).await;
    own.move_to(&kafka.brokers())?;
    own.topics.create(&own.brokers, PARTITIONS).await?;
    let last_ms = own.send_old().await?;
    let (subject, _redis) = own.subject(2).await?;
    for _ in 0..own.times {
        pause(&mut own.random, BETWEEN_MS).await;
        kafka.kill();
        let reason = "Kafka has been away for long";
        subject.watch.nobody_can_be_ready(reason);
        tokio::time::sleep(AWAY).await;
        subject.watch.anybody_can_be_ready();
        kafka.restart();
        kafka.answers().await;
        row.times += 1;
    }
    conclude(own, row, subject, last_ms).await
}

async fn kill_one(own: &mut Own<'_>, row: &mut Row) -> anyhow::Result<()> {
    let mut kafkas = Kafka::start_three(&own.folder("kafka")?).await;
    let brokers = kafkas.each_ref().map(Kafka::brokers).join(",");
    own.move_to(&brokers)?;
    let topics = own.topics.clone();
    topics
        .create_replicated(&brokers, PARTITIONS, COPIES)
        .await?;
    let last_ms = own.send_old().await?;
    let (subject, _redis) = own.subject(2).await?;
    for turn in 0..own.times as usize {
        pause(&mut own.random, BETWEEN_MS).await;
        let kafka = &mut kafkas[turn % COPIES as usize];
        kafka.kill();
        pause(&mut own.random, 5_000..8_000).await;
        kafka.restart();
        kafka.answers().await;
        row.times += 1;
    }
    conclude(own, row, subject, last_ms).await
}

/// Compares with an oracle that reads what is there now.
pub(super) async fn conclude(
    own: &Own<'_>,
    row: &mut Row,
    mut subject: Subject,
    last_ms: i64,
) -> anyhow::Result<()> {
    let rest = subject.rest(last_ms, Instant::now()).await;
    let found = subject.census().await?;
    row.watched(&subject);
    // Two cores are few for both at once.
    drop(subject);
    let right = own.right("after", last_ms).await?;
    row.judge(&found.against(&right), &rest);
    Ok(())
}

async fn network(scene: &mut Scene) -> anyhow::Result<()> {
    for turn in 0..scene.times {
        pause(&mut scene.random, BETWEEN_MS).await;
        let proxy = &scene.kafka_proxy;
        match turn % 4 {
            0 => proxy.cut(),
            1 => proxy.halt(),
            2 => proxy.leave_half_open(),
            _ => proxy.refuse(),
        }
        // Past the session timeout now and then.
        pause(&mut scene.random, 1_000..9_000).await;
        scene.kafka_proxy.go_on();
        scene.strike().await;
    }
    Ok(())
}
