//! Redis Cluster holds the same conversations as one Redis.

use harness::captured;
use harness::stack::Stack;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn recorded_conversations_on_a_cluster_are_those_on_one_redis() {
    let single = Stack::start("cluster-single").await;
    let cluster = Stack::start_on_cluster("cluster").await;
    for capture in captured::all().expect("readable") {
        single.send(capture.records(&single.topics)).await;
        cluster.send(capture.records(&cluster.topics)).await;
    }
    single.settle().await;
    cluster.settle().await;

    let expected = single.client.dump().await.expect("a dump");
    assert!(!expected.is_empty());
    assert_eq!(cluster.client.dump().await.expect("a dump"), expected);
    let keys = cluster.redis.keys_by_node();
    assert!(
        keys.iter().all(|keys| *keys > 0),
        "the keys spread over all nodes: {keys:?}"
    );
    let filtered = cluster
        .client
        .list(serde_json::json!({"hasErrors": true}))
        .await;
    assert_ne!(filtered.expect("a list"), Vec::<Value>::new());
}
