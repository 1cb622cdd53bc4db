use super::support::{Broker, Member, SPANS, eventually, numbers, partition};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::time::Duration;
use tokio::time::Instant;

fn fail(
    cluster: &MockCluster<'_, DefaultProducerContext>,
    what: RDKafkaApiKey,
    with: RDKafkaRespErr,
    times: usize,
) {
    cluster.request_errors(what, &vec![with; times]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_is_repeated() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce_numbers(SPANS, 1, 0..5).await;
    let mut member = Member::join(&broker.config());
    member.read(5).await;
    for error in [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ] {
        fail(&broker.cluster, RDKafkaApiKey::OffsetCommit, error, 3);
    }
    member.commit();
    eventually("the commit", || broker.committed(SPANS, 0) == Some(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_refused_for_good_does_no_harm() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce_numbers(SPANS, 1, 0..5).await;
    let mut member = Member::join(&broker.config());
    member.read(5).await;
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE;
    fail(&broker.cluster, RDKafkaApiKey::OffsetCommit, refused, 1);
    member.commit();
    broker.produce_numbers(SPANS, 1, 5..6).await;
    member.read(1).await;
    member.commit();
    eventually("the next commit", || broker.committed(SPANS, 0) == Some(6)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_goes_on_when_the_broker_comes_back() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce_numbers(SPANS, 1, 0..5).await;
    let mut member = Member::join(&broker.config());
    member.read(5).await;
    member
        .until("the end", |member| member.ends.len() == 1)
        .await;
    broker.cluster.broker_down(-1).expect("down");
    member.commit();
    // While nothing can be known, no end is told; and that nothing can be known, is.
    member
        .until("it is told that Kafka is away", |member| {
            member.reachable.last().is_some_and(Result::is_err)
        })
        .await;
    member.ends.clear();
    let quiet = Instant::now() + Duration::from_secs(1);
    assert!(member.record_until(quiet).await.is_none());
    assert_eq!(member.ends.len(), 0);
    let assignments = member.assignments;
    broker.cluster.broker_up(-1).expect("up");
    broker.produce_numbers(SPANS, 1, 5..6).await;
    let mut read = Vec::new();
    while read.last() != Some(&5) {
        read.extend(numbers(&member.read(1).await));
    }
    // The client may find its group's coordinator again only when the session is over. Then the partition was lost, and is
    // read again from what was committed; else nothing is read twice.
    let start = member.starts[&partition(SPANS, 0)].expect("a start");
    let first = match member.assignments == assignments {
        true => 5,
        false => usize::try_from(start.offset).expect("an offset"),
    };
    assert_eq!(read, (first..6).collect::<Vec<_>>());
    member
        .until("it is told that Kafka is back", |member| {
            member.reachable.last().is_some_and(Result::is_ok)
        })
        .await;
    // The partition may be lost even now, and what was to be committed with it.
    member
        .until("the commit", |member| {
            member.commit();
            broker.committed(SPANS, 0) == Some(6)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_committed_is_read_again_after_an_outage_that_outlasts_the_session() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce_numbers(SPANS, 1, 0..5).await;
    let mut member = Member::join(&broker.config());
    member.read(3).await;
    member.commit();
    eventually("the commit", || broker.committed(SPANS, 0) == Some(3)).await;
    member.read(2).await;
    broker.cluster.broker_down(-1).expect("down");
    member
        .until("the partition is lost", |member| member.owned() == 0)
        .await;
    broker.cluster.broker_up(-1).expect("up");
    broker.produce_numbers(SPANS, 1, 5..6).await;
    assert_eq!(numbers(&member.read(3).await), [3, 4, 5]);
    member.commit();
    eventually("the commit", || broker.committed(SPANS, 0) == Some(6)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fetches_that_fail_are_repeated() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce_numbers(SPANS, 1, 0..20).await;
    let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
    fail(&broker.cluster, RDKafkaApiKey::Fetch, error, 3);
    let mut member = Member::join(&broker.config());
    assert_eq!(numbers(&member.read(20).await), (0..20).collect::<Vec<_>>());
}
