//! The harness itself: its servers start, and what goes in comes out.

use harness::kafka::Kafka;
use harness::record::{Producer, Record, read_all};
use harness::redis::{Redis, RedisCluster};
use harness::topics::Topics;
use redis::cmd;

#[tokio::test(flavor = "multi_thread")]
async fn kafka_keeps_records_with_their_key_headers_and_time() {
    let kafka = Kafka::shared().await;
    let topics = Topics::with_prefix("servers-");
    topics.create(&kafka.brokers(), 3).await.expect("topics");
    let mut sent = Record::new(&topics.spans, "a key", "a payload").at_ms(1_700_000_000_000);
    sent.headers.insert("reason".to_owned(), b"none".to_vec());

    let producer = Producer::new(&kafka.brokers()).expect("a producer");
    producer.send([sent.clone()]).await.expect("delivered");

    assert_eq!(
        read_all(&kafka.brokers(), &topics.spans)
            .await
            .expect("readable"),
        [sent]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_counts_its_keys_and_forgets_when_replaced() {
    let mut redis = Redis::start().await;
    redis.run::<()>(cmd("SET").arg("key").arg("x".repeat(1_000)));
    assert!((1_000..2_000).contains(&redis.key_bytes()));
    redis.replace_by_an_empty_one().await;
    assert_eq!(redis.key_bytes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_serves_all_slots() {
    let cluster = RedisCluster::start().await;
    assert_eq!(cluster.keys_by_node(), [0, 0, 0]);
}
