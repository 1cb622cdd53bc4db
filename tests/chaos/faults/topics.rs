//! Topics that change under those who read them: more partitions, made anew, records gone before they were read.

use super::kafka::conclude;
use crate::own::Own;
use crate::report::Row;
use crate::scenario::{Play, Scenario};
use crate::stage::{PARTITIONS, pause};
use crate::watch::EXPIRED;
use anyhow::{Context, bail};
use futures::FutureExt;
use harness::eventually;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;
use tokio::time::Instant;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Longer than topics are looked for that have changed, and than a client keeps what it knows of one that is gone.
const NOTICED: Duration = Duration::from_secs(5);

pub(crate) const SCENARIOS: [Scenario; 3] = [
    Scenario {
        name: "partitions-added",
        fault: "partitions added",
        times_short: 0,
        times_long: 1,
        play: Play::Own(|own, row| add_partitions(own, row).boxed_local()),
    },
    Scenario {
        name: "topic-anew",
        fault: "topic deleted and made anew",
        times_short: 0,
        times_long: 1,
        play: Play::Own(|own, row| make_anew(own, row).boxed_local()),
    },
    Scenario {
        name: "retention",
        fault: "retention overtook the consumer (what expired is not counted as lost)",
        times_short: 0,
        times_long: 1,
        play: Play::Own(|own, row| expire(own, row).boxed_local()),
    },
];

type Admin = AdminClient<DefaultClientContext>;

fn admin(own: &Own<'_>) -> anyhow::Result<Admin> {
    Ok(harness::kafka::client(&own.brokers).create()?)
}

async fn add_partitions(own: &mut Own<'_>, row: &mut Row) -> anyhow::Result<()> {
    own.topics.create(&own.brokers, PARTITIONS).await?;
    own.send_old().await?;
    let (subject, _redis) = own.subject(2).await?;
    pause(&mut own.random, 1_000..3_000).await;
    let more = [&own.topics.spans, &own.topics.sentry];
    let more = more.map(|topic| NewPartitions::new(topic, 2 * PARTITIONS as usize));
    let added = admin(own)?.create_partitions(&more, &options()).await?;
    for outcome in added {
        outcome.map_err(|(topic, code)| anyhow::anyhow!("{topic}: {code}"))?;
    }
    row.times = 1;
    tokio::time::sleep(NOTICED).await;
    let after_ms = own.send_live().await?;
    conclude(own, row, subject, after_ms).await
}

async fn make_anew(own: &mut Own<'_>, row: &mut Row) -> anyhow::Result<()> {
    own.topics.create(&own.brokers, PARTITIONS).await?;
    let before_ms = own.send_old().await?;
    let (mut subject, _redis) = own.subject(2).await?;
    let rest = subject.rest(before_ms, Instant::now()).await;
    if let Some(trouble) = rest.trouble {
        bail!("before the fault: {trouble}");
    }
    let right_before = own.right("before", before_ms).await?;
    let (admin, topic) = (admin(own)?, own.topics.spans.clone());
    admin.delete_topics(&[&topic], &options()).await?;
    eventually("the topic is gone", TIMEOUT, async || {
        let metadata = admin.inner().fetch_metadata(Some(&topic), TIMEOUT)?;
        let partitions = metadata.topics().first().map(|topic| topic.partitions());
        anyhow::ensure!(partitions.is_none_or(<[_]>::is_empty), "it is there");
        Ok(())
    })
    .await;
    own.topics.create(&own.brokers, PARTITIONS).await?;
    row.times = 1;
    tokio::time::sleep(NOTICED).await;
    let since = Instant::now();
    // Fewer records than before: no offset reaches those that were committed.
    let after_ms = own.send_live().await?;
    let rest = subject.rest(after_ms, since).await;
    let found = subject.census().await?;
    row.watched(&subject);
    drop(subject);
    let right = right_before.and(own.right("after", after_ms).await?);
    row.judge(&found.against(&right), &rest);
    Ok(())
}

async fn expire(own: &mut Own<'_>, row: &mut Row) -> anyhow::Result<()> {
    own.topics.create(&own.brokers, PARTITIONS).await?;
    let read_ms = own.send_old().await?;
    let (mut subject, _redis) = own.subject(1).await?;
    let rest = subject.rest(read_ms, Instant::now()).await;
    if let Some(trouble) = rest.trouble {
        bail!("before the fault: {trouble}");
    }
    let right_before = own.right("read", read_ms).await?;
    subject.stop(0).await?;
    let gone = own.send_in_vain().await?;
    delete_records(own).await?;
    row.times = 1;
    let since = Instant::now();
    let after_ms = own.send_live().await?;
    subject.restart(0);
    let rest = subject.rest(after_ms, since).await;
    let found = subject.census().await?;
    row.watched(&subject);
    let told = subject.watch.total(EXPIRED) as usize;
    if told != gone {
        let problem = format!("{gone} records expired, the processors tell of {told}");
        row.problems.push(problem);
    }
    drop(subject);
    let right = right_before.and(own.right("after", after_ms).await?);
    row.judge(&found.against(&right), &rest);
    Ok(())
}

/// Deletes all that stands in the input topics, as retention does.
async fn delete_records(own: &Own<'_>) -> anyhow::Result<()> {
    let mut all = TopicPartitionList::new();
    for topic in own.topics.inputs() {
        for partition in 0..PARTITIONS {
            all.add_partition_offset(topic, partition, Offset::End)?;
        }
    }
    let deleted = admin(own)?.delete_records(&all, &options()).await?;
    for partition in deleted.elements() {
        let topic = partition.topic();
        partition
            .error()
            .with_context(|| format!("deleting records of {topic}"))?;
    }
    Ok(())
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(TIMEOUT))
}
