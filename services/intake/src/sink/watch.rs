//! Whether Kafka is there, asked now and then: readiness, and an early answer to clients when it is not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::producer::Producer as _;
use runtime::health::{Condition, Heartbeat};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Sink;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long brokers may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(3);

/// Keeps the condition, and what requests hear, true to whether Kafka has the topics that are written to.
pub async fn watch(
    sink: Sink,
    kafka: Condition,
    heartbeat: Heartbeat,
    stopping: CancellationToken,
) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_reachable = None;
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let asked = sink.clone();
        let found = tokio::task::spawn_blocking(move || look(&asked)).await;
        let found = found.unwrap_or_else(|_| Err("the look at Kafka failed".to_owned()));
        sink.0.is_reachable.store(found.is_ok(), Ordering::Relaxed);
        match &found {
            Ok(()) => kafka.met(),
            Err(reason) => kafka.unmet(reason),
        }
        if was_reachable != Some(found.is_ok()) {
            match &found {
                Ok(()) => info!("Kafka takes records"),
                Err(reason) => warn!(reason, "Kafka takes no records"),
            }
            was_reachable = Some(found.is_ok());
        }
        heartbeat.beat();
    }
}

fn look(sink: &Sink) -> Result<(), String> {
    let (client, _) = sink.0.producer.client();
    for topic in [
        &sink.0.spans_topic,
        &sink.0.logs_topic,
        &sink.0.sentry_topic,
    ] {
        let metadata = client
            .client()
            .fetch_metadata(Some(topic), ANSWER_WAIT)
            .map_err(|cause| format!("Kafka does not answer: {cause}"))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions = found.map_or(&[][..], |found| found.partitions());
        if partitions.is_empty() {
            return Err(format!(
                "there is no topic {topic}: create it, or correct kafka.topics"
            ));
        }
        if partitions.iter().all(|partition| partition.leader() < 0) {
            return Err(format!("no partition of topic {topic} has a leader"));
        }
    }
    Ok(())
}
