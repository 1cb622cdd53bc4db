use super::support::{
    Broker, LOGS, Member, PATIENCE, SPANS, eventually, numbers, partition, topic,
};
use processor::reading::decode::Signal;
use processor::source::{Commitment, Event, NextOffset, Stopped};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Both go on until each has so many partitions.
async fn share(first: &mut Member, second: &mut Member, partitions: usize) {
    let deadline = Instant::now() + PATIENCE;
    while first.owned() != partitions || second.owned() != partitions {
        assert!(
            Instant::now() < deadline,
            "{} and {}",
            first.owned(),
            second.owned()
        );
        for member in [&mut *first, &mut *second] {
            let turn = Instant::now() + Duration::from_millis(20);
            if let Some(record) = member.record_until(turn).await {
                member.tracker.acknowledge(&record.at);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_member_takes_half_and_begins_where_the_first_was_done() {
    let broker = Broker::with(&[(SPANS, 4), (LOGS, 4)]);
    broker.produce_numbers(SPANS, 4, 0..40).await;
    let mut config = broker.config();
    config.topics.push(topic(LOGS, Signal::Logs));
    let mut first = Member::join(&config);
    first.read(40).await;
    assert_eq!(first.owned(), 8);
    first.commit();
    eventually("the commit", || {
        (0..4).all(|partition| broker.committed(SPANS, partition) == Some(10))
    })
    .await;
    let mut second = Member::join(&config);
    share(&mut first, &mut second, 4).await;
    assert!(first.revocations >= 1);

    // The same partitions of both topics are together, so that spans and logs of a trace are.
    for member in [&first, &second] {
        let of = |topic: &str| -> BTreeSet<i32> {
            let owned = member
                .tracker
                .partitions()
                .filter(|owned| *owned.topic == *topic);
            owned.map(|owned| owned.partition).collect()
        };
        assert_eq!(of(SPANS), of(LOGS));
    }

    broker.produce_numbers(SPANS, 4, 40..80).await;
    let mut read = numbers(&first.read(20).await);
    read.extend(numbers(&second.read(20).await));
    read.sort_unstable();
    assert_eq!(
        read,
        (40..80).collect::<Vec<_>>(),
        "each once, none of the old ones"
    );

    second.leave().await;
    first
        .until("all partitions again", |first| first.owned() == 8)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_does_not_answer_loses_nothing() {
    let broker = Broker::with(&[(SPANS, 2)]);
    broker.produce_numbers(SPANS, 2, 0..10).await;
    let mut config = broker.config();
    config.revoke_wait_ms = 200;
    let mut first = Member::join(&config);
    first.read(10).await;
    let mut second = Member::join(&config);
    // The first takes the revocation and keeps the answer to itself.
    let unanswered = loop {
        match timeout(PATIENCE, first.incoming.events.recv())
            .await
            .expect("in time")
        {
            Some(Event::Revoked { ack, .. }) => break ack,
            Some(_) => {}
            None => panic!("the source ended"),
        }
    };
    let mut again = numbers(&second.read(5).await);
    drop(unanswered);
    again.sort_unstable();
    assert!(
        again == [0, 2, 4, 6, 8] || again == [1, 3, 5, 7, 9],
        "{again:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_members_than_partitions_is_normal() {
    let broker = Broker::with(&[(SPANS, 1)]);
    let mut first = Member::join(&broker.config());
    let mut second = Member::join(&broker.config());
    let deadline = Instant::now() + PATIENCE;
    while first.owned() + second.owned() != 1 || first.assignments == 0 || second.assignments == 0 {
        assert!(Instant::now() < deadline);
        for member in [&mut first, &mut second] {
            member
                .record_until(Instant::now() + Duration::from_millis(20))
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_stops_taking_records_can_still_commit_what_it_has() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce_numbers(SPANS, 1, 0..3).await;
    let mut member = Member::join(&broker.config());
    member.read(2).await;
    drop(member.incoming);
    broker.produce_numbers(SPANS, 1, 3..10).await;
    let silence = Instant::now() + Duration::from_secs(1);
    tokio::time::sleep_until(silence).await;
    let last = member
        .tracker
        .progress()
        .into_iter()
        .map(|progress| progress.commitment());
    let last = last.collect();
    let stopped = timeout(PATIENCE, member.source.stop(last)).await;
    assert_eq!(stopped, Ok(Stopped::Committed));
    assert_eq!(broker.committed(SPANS, 0), Some(2));
}

/// The mock broker refuses commits while another member joins, which real brokers do not. So this rebalance is one that
/// the member begins by itself, because a topic of its subscription appears.
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_revocation_is_committed_before_the_partitions_go() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce_numbers(SPANS, 1, 0..7).await;
    let mut config = broker.config();
    config.topics.push(topic(LOGS, Signal::Logs));
    let mut member = Member::join(&config);
    member.read(6).await;
    // The seventh is read and not done.
    member.record().await;
    assert_eq!(
        broker.committed(SPANS, 0),
        None,
        "nobody has asked for a commit"
    );
    broker.cluster.create_topic(LOGS, 1, 1).expect("a topic");
    let again = member.record().await;
    assert_eq!(
        (again.at.offset, member.revocations),
        (6, 1),
        "what was not done comes again"
    );
    assert_eq!(broker.committed(SPANS, 0), Some(6));
}

/// What the first reading had seen to the end, and not done, is not taken for done by the second: its end is not theirs.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_rebalance_under_lag_nothing_counts_as_done_that_is_read_again() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce_numbers(SPANS, 1, 0..100).await;
    let mut config = broker.config();
    config.topics.push(topic(LOGS, Signal::Logs));
    let mut member = Member::join(&config);
    member.read(60).await;
    member.commit();
    eventually("the commit", || broker.committed(SPANS, 0) == Some(60)).await;
    for _ in 60..100 {
        member.record().await;
    }
    member
        .until("the end", |member| member.ends.len() == 1)
        .await;
    // A topic that appears makes the member give everything up and get it again.
    broker.cluster.create_topic(LOGS, 1, 1).expect("a topic");
    let mut last_read = None;
    let deadline = Instant::now() + PATIENCE;
    while last_read != Some(99) {
        let record = member.record_until(deadline).await;
        let at = record.expect("what is not committed is read again").at;
        let began = member.starts[&at.partition].expect("Kafka was asked");
        assert_eq!(began.offset, 60);
        let done = member.tracker.progress_of(&at.partition);
        let done = done.expect("it was read").next.offset;
        assert_eq!(done, 60, "nothing is done: at {at}");
        last_read = Some(at.offset);
    }
    let quiet = Instant::now() + Duration::from_secs(1);
    assert!(member.record_until(quiet).await.is_none());
    let done = member.tracker.progress_of(&partition(SPANS, 0));
    assert_eq!(
        done.map(|done| done.next.offset),
        Some(60),
        "nor at the end"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_beyond_what_was_read_is_refused() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce_numbers(SPANS, 1, 0..10).await;
    let mut config = broker.config();
    // The others are not handed on.
    config.queue_bytes_max = 1_000;
    let mut member = Member::join(&config);
    let first = member.record().await;
    let beyond = |generation, offset| Commitment {
        next: NextOffset {
            partition: partition(SPANS, 0),
            offset,
        },
        generation,
        time_ms: None,
    };
    let generation = first.at.generation;
    member.source.commit(vec![beyond(generation, 10)]);
    member.source.commit(vec![beyond(generation + 1, 1)]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(broker.committed(SPANS, 0), None);
    member.source.commit(vec![beyond(generation, 1)]);
    eventually("the commit", || broker.committed(SPANS, 0) == Some(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_what_is_done_is_committed_with_it() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce_numbers(SPANS, 1, 0..3).await;
    let mut member = Member::join(&broker.config());
    member.read(3).await;
    let time_ms = member.committable()[0].time_ms;
    assert!(time_ms.is_some());
    assert_eq!(member.leave().await, Stopped::Committed);
    let mut member = Member::join(&broker.config());
    member
        .until("an assignment", |member| member.owned() == 1)
        .await;
    let began = member.starts[&partition(SPANS, 0)].expect("Kafka was asked");
    assert_eq!((began.offset, began.time_ms), (3, time_ms));
    assert_eq!(member.tracker.read_watermark_ms(), time_ms);
}
