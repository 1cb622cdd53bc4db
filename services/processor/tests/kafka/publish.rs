use super::support::{Broker, PATIENCE};
use domain::ids::ConversationKey;
use processor::out::publisher::{Publish as _, PublishError, Publisher};
use processor::source::admin;
use rdkafka::message::Message;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::time::Instant;

const TOPIC: &str = "conversations";

fn key() -> ConversationKey {
    ConversationKey {
        project: "shop".to_owned(),
        id: "conv-1".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_published_under_its_name() {
    let broker = Broker::with(&[(TOPIC, 1)]);
    let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
    broker
        .cluster
        .request_errors(RDKafkaApiKey::Produce, &[error; 2]);
    let publisher = Publisher::new(&broker.config()).expect("a publisher");
    for revision in ["1", "2"] {
        publisher
            .publish(&key(), revision.into())
            .await
            .expect("published");
    }
    let written = broker.written(TOPIC, 2);
    let payloads: Vec<_> = written.iter().map(|message| message.payload()).collect();
    assert_eq!(
        payloads,
        [Some(b"1".as_slice()), Some(b"2".as_slice())],
        "in order, once each"
    );
    assert_eq!(written[0].key(), Some(b"shop/conv-1".as_slice()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_written_is_told() {
    let broker = Broker::with(&[(TOPIC, 1)]);
    let mut config = broker.config();
    config.produce_bytes_max = 2_000;
    config.delivery_timeout_ms = 500;
    let publisher = Publisher::new(&config).expect("a publisher");
    let too_large = publisher
        .publish(&key(), vec![0; 5_000])
        .await
        .expect_err("too large");
    assert!(matches!(too_large, PublishError::TooLarge { bytes: 5_000 }));
    broker.cluster.broker_down(-1).expect("down");
    let undelivered = publisher
        .publish(&key(), vec![0; 10])
        .await
        .expect_err("nobody there");
    assert!(matches!(undelivered, PublishError::NotDelivered(_)));
    broker.cluster.broker_up(-1).expect("up");
    // The client waits a little longer after each connection that failed.
    let deadline = Instant::now() + PATIENCE;
    while let Err(cause) = publisher.publish(&key(), b"again".to_vec()).await {
        assert!(Instant::now() < deadline, "{cause}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_created_only_when_asked() {
    let broker = Broker::with(&[]);
    assert_eq!(
        admin::create_topics(&broker.config())
            .await
            .expect("nothing to do"),
        Vec::<String>::new()
    );
}
