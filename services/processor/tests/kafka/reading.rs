use super::support::{
    Broker, LOGS, Member, SPANS, eventually, numbers, partition, start, text, topic,
};
use processor::reading::decode::Signal;
use processor::source::{SourceError, Stopped};

#[tokio::test(flavor = "multi_thread")]
async fn records_come_whole_and_in_the_order_of_their_partition() {
    let broker = Broker::with(&[(SPANS, 4)]);
    broker.produce_numbers(SPANS, 4, 0..100).await;
    let mut member = Member::join(&broker.config());
    let first = member.record().await;
    assert_eq!(first.key.as_ref().map(text).as_deref(), Some("trace"));
    assert_eq!(first.headers, [("project_id".to_owned(), "shop".into())]);
    assert!(
        first.timestamp_ms > 1_577_836_800_000,
        "{}",
        first.timestamp_ms
    );
    assert!(member.tracker.acknowledge(&first.at));

    let mut read = numbers(&member.read(99).await);
    read.push(text(&first.payload).parse().expect("a number"));
    for partition in 0..4 {
        let of_partition = read[..99].iter().filter(|number| *number % 4 == partition);
        assert!(of_partition.is_sorted());
    }
    read.sort_unstable();
    assert_eq!(read, (0..100).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_is_not_read_again_and_what_is_not_is() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce_numbers(SPANS, 1, 0..10).await;
    let mut member = Member::join(&broker.config());
    member.read(6).await;
    let undone = member.record().await;
    member.read(3).await;
    member.commit();
    eventually("the commit", || {
        broker.committed(SPANS, 0) == Some(undone.at.offset)
    })
    .await;
    assert_eq!(member.leave().await, Stopped::Committed);

    broker.produce_numbers(SPANS, 1, 10..12).await;
    let mut member = Member::join(&broker.config());
    assert_eq!(numbers(&member.read(6).await), [6, 7, 8, 9, 10, 11]);
    assert_eq!(member.leave().await, Stopped::Committed);
    assert_eq!(
        broker.committed(SPANS, 0),
        Some(12),
        "committed when it stopped"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seek_begins_a_new_generation_there() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce_numbers(SPANS, 1, 0..10).await;
    let mut member = Member::join(&broker.config());
    let old = member.record().await;
    member.read(9).await;
    let assignments = member.assignments;
    member.source.seek(partition(SPANS, 0), start(4));
    let again = member.record().await;
    assert_eq!((again.at.offset, member.assignments), (4, assignments + 1));
    assert!(
        !member.tracker.acknowledge(&old.at),
        "of the generation before"
    );
    assert!(member.tracker.acknowledge(&again.at));
    assert_eq!(numbers(&member.read(5).await), [5, 6, 7, 8, 9]);
    member.commit();
    eventually("the commit", || broker.committed(SPANS, 0) == Some(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_are_told_of_the_right_topic_and_only_when_all_was_read() {
    let broker = Broker::with(&[(SPANS, 2), (LOGS, 2)]);
    // The same partition number has a backlog in one topic and nothing in the other.
    broker.produce_numbers(SPANS, 1, 0..5).await;
    let mut config = broker.config();
    config.topics.push(topic(LOGS, Signal::Logs));
    let mut member = Member::join(&config);
    for _ in 0..5 {
        member.record().await;
        let end = member.ends.get(&partition(SPANS, 0));
        assert_eq!(end, None, "there was more to read");
    }
    member
        .until("all ends", |member| member.ends.len() == 4)
        .await;
    assert_eq!(member.ends[&partition(SPANS, 0)], 5);
    assert_eq!(member.ends[&partition(LOGS, 0)], 0);
    assert!(member.tracker.read_watermark_ms().is_some());
    broker.produce(LOGS, 0, "more").await;
    member.read(1).await;
    assert_eq!(member.ends.get(&partition(LOGS, 0)), None);
    member
        .until("the new end", |member| {
            member.ends.get(&partition(LOGS, 0)) == Some(&1)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_does_not_exist_yet_is_waited_for() {
    let broker = Broker::with(&[(SPANS, 1)]);
    broker.produce(SPANS, 0, "now").await;
    let mut config = broker.config();
    config.topics.push(topic(LOGS, Signal::Logs));
    let mut member = Member::join(&config);
    assert_eq!(member.read(1).await, ["now"]);
    member.commit();
    broker.cluster.create_topic(LOGS, 1, 1).expect("a topic");
    broker.produce(LOGS, 0, "later").await;
    let mut read = member.read(1).await;
    if read == ["now"] {
        // The rebalance may have come before the commit.
        read = member.read(1).await;
    }
    assert_eq!(read, ["later"]);
}

#[test]
fn a_configuration_that_the_client_refuses_is_an_error() {
    let broker = Broker::with(&[]);
    let mut config = broker.config();
    config.properties.insert(
        "no_such_property".to_owned(),
        runtime::config::Secret::new("x"),
    );
    let error = processor::source::start(&config)
        .map(|_| ())
        .expect_err("refused");
    assert!(matches!(error, SourceError::Client { .. }));
    assert!(error.to_string().contains("no.such.property"), "{error}");
}
