use super::support::{Broker, LOGS, Member, SPANS, eventually, numbers, partition, start, topic};
use processor::reading::decode::Signal;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

#[tokio::test(flavor = "multi_thread")]
async fn under_pressure_the_group_is_kept_and_no_record_is_lost_or_doubled() {
    let broker = Broker::with(&[(SPANS, 2)]);
    for number in 0..400 {
        broker
            .produce(SPANS, number % 2, format!("{number:0>2000}"))
            .await;
    }
    let mut config = broker.config();
    config.queue_bytes_max = 10_000;
    config.pause_after_ms = 100;
    config.session_timeout_ms = 4_000;
    config.revoke_wait_ms = 1_000;
    config.max_poll_interval_ms = 8_000;
    let mut member = Member::join(&config);
    let mut read = numbers(&member.read(10).await);
    // The pipeline stands still for longer than the group would wait for a member that does not poll.
    sleep_until(Instant::now() + Duration::from_secs(10)).await;
    read.extend(numbers(&member.read(390).await));
    assert_eq!(member.revocations, 0);
    for half in 0..2 {
        assert!(read.iter().filter(|number| *number % 2 == half).is_sorted());
    }
    read.sort_unstable();
    assert_eq!(read, (0..400).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_over_is_bounded_in_bytes() {
    let broker = Broker::with(&[(SPANS, 1)]);
    for number in 0..50 {
        broker.produce(SPANS, 0, format!("{number:0>10000}")).await;
    }
    let mut config = broker.config();
    config.queue_bytes_max = 100_000;
    let mut member = Member::join(&config);
    let mut kept = vec![member.record().await];
    while let Some(record) = member
        .record_until(Instant::now() + Duration::from_secs(1))
        .await
    {
        kept.push(record);
    }
    assert_eq!(kept.len(), 9, "records that are kept count as handed over");
    kept.clear();
    assert_eq!(numbers(&member.read(41).await), (9..50).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_on_request_nothing_comes_until_resumed() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce(SPANS, 0, "1").await;
    let mut member = Member::join(&broker.config());
    member.read(1).await;
    member.source.pause();
    // The command is obeyed within one poll; what was fetched before it may still come.
    let quiet = Instant::now() + Duration::from_millis(500);
    assert!(member.record_until(quiet).await.is_none());
    broker.produce(SPANS, 0, "2").await;
    assert!(
        member
            .record_until(Instant::now() + Duration::from_secs(1))
            .await
            .is_none()
    );
    member.source.resume();
    assert_eq!(member.read(1).await, ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paused_when_it_was_given_up_is_read_when_it_comes_back() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce(SPANS, 0, "1").await;
    let mut config = broker.config();
    config.topics.push(topic(LOGS, Signal::Logs));
    let mut member = Member::join(&config);
    member.read(1).await;
    member.commit();
    eventually("the commit", || broker.committed(SPANS, 0) == Some(1)).await;
    member.source.pause();
    let quiet = Instant::now() + Duration::from_millis(500);
    assert!(member.record_until(quiet).await.is_none());
    // A topic that appears makes the member give everything up and get it again.
    broker.cluster.create_topic(LOGS, 1, 1).expect("a topic");
    member
        .until("nothing is owned", |member| member.revocations == 1)
        .await;
    member.source.resume();
    member
        .until("both are owned", |member| member.owned() == 2)
        .await;
    broker.produce(SPANS, 0, "2").await;
    assert_eq!(member.read(1).await, ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_stands_still_leaves_the_others_alone_and_goes_on_from_where_it_is_told() {
    let broker = Broker::with(&[(SPANS, 2)]);
    broker.produce_numbers(SPANS, 2, 0..10).await;
    let mut member = Member::join(&broker.config());
    member.read(10).await;
    let still = partition(SPANS, 0);
    member.source.stand_still([still.clone()].into());
    // The command is obeyed within one poll.
    let obeyed = Instant::now() + Duration::from_millis(500);
    assert!(member.record_until(obeyed).await.is_none());
    broker.produce_numbers(SPANS, 2, 10..20).await;
    let mut others = numbers(&member.read(5).await);
    others.sort_unstable();
    assert_eq!(others, [11, 13, 15, 17, 19]);
    let other = partition(SPANS, 1);
    member.ends.clear();
    member
        .until("the end of the other", |member| {
            member.ends.contains_key(&other)
        })
        .await;
    assert!(
        !member.ends.contains_key(&still),
        "of what is not read nobody knows the end"
    );
    member.source.seek(still.clone(), start(3));
    member.source.stand_still([].into());
    let read = numbers(&member.read(7).await);
    assert_eq!(read, [6, 8, 10, 12, 14, 16, 18]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_stands_still_does_so_after_everything_was_paused() {
    let broker = Broker::with(&[(SPANS, 2)]);
    broker.produce_numbers(SPANS, 2, 0..2).await;
    let mut member = Member::join(&broker.config());
    member.read(2).await;
    member.source.pause();
    member.source.stand_still([partition(SPANS, 0)].into());
    let obeyed = Instant::now() + Duration::from_millis(500);
    assert!(member.record_until(obeyed).await.is_none());
    broker.produce_numbers(SPANS, 2, 2..4).await;
    member.source.resume();
    assert_eq!(member.read(1).await, ["3"]);
    let quiet = Instant::now() + Duration::from_secs(1);
    assert!(member.record_until(quiet).await.is_none());
    member.source.stand_still([].into());
    assert_eq!(member.read(1).await, ["2"]);
}
