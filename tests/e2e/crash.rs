//! Killed processors lose nothing and count nothing twice.

use harness::load::Load;
use harness::record::Producer;
use harness::services::Settings;
use harness::stack::Stack;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const SPANS: u64 = 60_000;
const CONVERSATIONS: usize = 1_200;
const SEED: u64 = 20_260_105;
const KILLS: u32 = 12;
/// Long enough to get some work done before the next kill, so that kills hit all stages of it.
const LIFE_AFTER_READY: Duration = Duration::from_millis(700);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Handed to the client at once.
const BATCH_RECORDS: usize = 500;

async fn send_load(brokers: String, topic: String, kills: Arc<AtomicU32>) {
    let producer = Producer::new(&brokers).expect("a producer");
    let mut load = Load::new(&topic, CONVERSATIONS, SEED);
    while load.spans() < SPANS {
        // A share for each life, so that the last kill comes before all is sent, however fast the machine is.
        let lives = u64::from(kills.load(Ordering::Acquire)) + 1;
        if load.spans() > SPANS * lives / u64::from(KILLS + 1) {
            tokio::time::sleep(LOOK_AGAIN).await;
            continue;
        }
        let batch: Vec<_> = load.by_ref().take(BATCH_RECORDS).collect();
        producer.send(batch).await.expect("Kafka takes the records");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_kills_under_load_leave_the_state_of_an_undisturbed_run() {
    let undisturbed = Stack::start("crash-undisturbed").await;
    // With a name of its own within the group, a processor that comes back takes its partitions at once.
    let named = Settings::default().set("kafka.group_instance_id", "processor-1");
    let mut killed = undisturbed.beside("crash-killed", named).await;

    let kills = Arc::new(AtomicU32::new(0));
    let (brokers, topic) = (killed.kafka.brokers(), killed.topics.spans.clone());
    let sending = tokio::spawn(send_load(brokers, topic, Arc::clone(&kills)));
    for _ in 0..KILLS {
        killed.processor.ready().await;
        tokio::time::sleep(LIFE_AFTER_READY).await;
        // Nothing is committed before the store has it, so none finds that the store lacks something.
        let rewinds = killed.processor.counter("processor_rewinds_total").await;
        assert_eq!(rewinds.expect("metrics"), 0.0, "{}", killed.processor.log());
        killed.processor.kill();
        killed.processor.restart();
        kills.fetch_add(1, Ordering::Release);
    }
    sending.await.expect("all is sent");
    undisturbed.settle().await;
    killed.settle().await;

    let expected = undisturbed.client.dump().await.expect("a dump");
    assert_eq!(expected.len(), CONVERSATIONS);
    let found = killed.client.dump().await.expect("a dump");
    assert_eq!(found.len(), expected.len());
    for (key, conversation) in &expected {
        assert_eq!(found.get(key), Some(conversation), "{key:?}");
    }
}
