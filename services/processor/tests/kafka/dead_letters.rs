use super::support::{Broker, Member, SPANS, eventually};
use processor::out::dead_letters::{DeadLetters, Rejection};
use processor::reading::decode::RejectedSpan;
use rdkafka::message::{Headers as _, Message, OwnedMessage};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use runtime::health::Health;
use std::collections::BTreeMap;
use std::sync::Arc;

const DLQ: &str = "spans.dlq";

fn undecodable() -> Rejection {
    Rejection::Undecodable("cannot read the record: it is nonsense".to_owned())
}

fn headers(message: &OwnedMessage) -> BTreeMap<String, String> {
    let headers = message.headers().expect("headers");
    let text =
        |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
    headers
        .iter()
        .map(|header| (header.key.to_owned(), text(header.value)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_the_original_and_its_story() {
    let broker = Broker::with(&[(SPANS, 3), (DLQ, 1)]);
    broker.produce(SPANS, 2, "good").await;
    broker.produce(SPANS, 2, "bad \u{fffd}").await;
    let mut member = Member::join(&broker.config());
    member.read(1).await;
    let record = member.record().await;
    let letters = DeadLetters::new(
        &broker.config(),
        Health::default().condition("dead_letters"),
    )
    .expect("dead letters");
    letters.send(&record, &undecodable()).await;
    let rejected = RejectedSpan {
        reason: "no id".to_owned(),
        at: "span 3".to_owned(),
    };
    let partial = Rejection::SpansRejected {
        described: vec![rejected],
        total: 5,
        taken: 1,
    };
    letters.send(&record, &partial).await;

    let written = broker.written(DLQ, 2);
    assert_eq!(written[0].payload(), Some("bad \u{fffd}".as_bytes()));
    assert_eq!(written[0].key(), Some(b"trace".as_slice()));
    let mut told = headers(&written[0]);
    assert_eq!(
        told.remove("colloquy.dlq.timestamp_ms"),
        Some(record.timestamp_ms.to_string())
    );
    let expected = [
        ("project_id", "shop"),
        ("colloquy.dlq.reason", "undecodable"),
        (
            "colloquy.dlq.detail",
            "cannot read the record: it is nonsense",
        ),
        ("colloquy.dlq.topic", SPANS),
        ("colloquy.dlq.partition", "2"),
        ("colloquy.dlq.offset", "1"),
        ("colloquy.dlq.version", env!("CARGO_PKG_VERSION")),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(told, BTreeMap::from(expected));
    assert_eq!(
        headers(&written[1])["colloquy.dlq.detail"],
        "5 rejected and 1 taken; let the producer write these as their encoding is defined and send them again, those that were taken need not be: span 3: no id"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_committed_only_after_its_dead_letter_is_delivered() {
    let broker = Broker::with(&[(SPANS, 1), (DLQ, 1)]);
    broker.produce(SPANS, 0, "bad").await;
    let mut config = broker.config();
    config.delivery_timeout_ms = 500;
    let mut member = Member::join(&config);
    let record = Arc::new(member.record().await);
    let letters = DeadLetters::new(&config, Health::default().condition("dead_letters"))
        .expect("dead letters");
    // More failures than one delivery is tried for.
    let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
    broker
        .cluster
        .request_errors(RDKafkaApiKey::Produce, &[error; 12]);
    let sending = tokio::spawn({
        let record = Arc::clone(&record);
        async move { letters.send(&record, &undecodable()).await }
    });
    member.commit();
    // Nothing, or that reading begins at the record itself: whether that commit has arrived yet is a matter of time.
    assert_eq!(broker.committed(SPANS, 0).unwrap_or(0), 0);
    sending.await.expect("sent at last");
    assert!(member.tracker.acknowledge(&record.at));
    member.commit();
    eventually("the commit", || broker.committed(SPANS, 0) == Some(1)).await;
    assert_eq!(broker.written(DLQ, 1)[0].payload(), Some(b"bad".as_slice()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_the_broker_refuses_for_its_size_is_cut() {
    let broker = Broker::with(&[(SPANS, 1), (DLQ, 1)]);
    broker.produce(SPANS, 0, "x".repeat(900_000)).await;
    let mut member = Member::join(&broker.config());
    let record = member.record().await;
    for (produce_bytes_max, left) in [(600_000, 512 * 1024), (2_000, 0)] {
        let mut config = broker.config();
        config.produce_bytes_max = produce_bytes_max;
        let letters = DeadLetters::new(&config, Health::default().condition("dead_letters"))
            .expect("dead letters");
        letters.send(&record, &undecodable()).await;
        let written = broker.written(DLQ, if left > 0 { 1 } else { 2 });
        let last = written.last().expect("a letter");
        assert_eq!(last.payload().map_or(0, <[u8]>::len), left);
        let told = headers(last);
        assert_eq!(told["colloquy.dlq.truncated"], "true");
        assert_eq!(told["colloquy.dlq.size_bytes"], "900000");
        assert_eq!(
            (last.key(), told["project_id"].as_str()),
            (Some(b"trace".as_slice()), "shop")
        );
    }
    // A key that no broker would take: nothing but the story is left.
    let mut monstrous = record;
    monstrous.key = Some(vec![b'k'; 700_000].into());
    let mut config = broker.config();
    config.produce_bytes_max = 600_000;
    let letters = DeadLetters::new(&config, Health::default().condition("dead_letters"))
        .expect("dead letters");
    letters.send(&monstrous, &undecodable()).await;
    let written = broker.written(DLQ, 3);
    assert_eq!(
        (written[2].key(), headers(&written[2]).get("project_id")),
        (None, None)
    );
}
