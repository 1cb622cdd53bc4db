//! The whole processor on a broker of its own and a Redis, before partitions that cannot be read.

use super::support::{Broker, PATIENCE, SPANS, eventually};
use processor::config::ProcessorSettings;
use processor::out::dead_letters::{DeadLetterLimits, record};
use processor::service;
use runtime::service::Process;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::Store;
use store::testing::RedisServer;
use tokio::sync::oneshot;

const DLQ: &str = "spans.dlq";
/// A request with an empty resource: it is read, and holds nothing.
const GOOD: [u8; 2] = [0x0A, 0x00];
const BAD: [u8; 1] = [0xFF];
const LIMITS: DeadLetterLimits = DeadLetterLimits {
    window_records: 100,
    records_min: 10,
    invalid_ratio_max: 0.5,
    pause_ms: 1_000,
    pause_max_ms: 2_000,
    trial_records: 8,
    watermark_hold_ms: 1_000,
};

fn settings(broker: &Broker, redis: &RedisServer, limits: DeadLetterLimits) -> ProcessorSettings {
    let mut settings = ProcessorSettings {
        redis: redis.config(),
        kafka: broker.config(),
        ..ProcessorSettings::default()
    };
    settings.kafka.dead_letters = limits;
    settings.processor.probes_bind = SocketAddr::from(([127, 0, 0, 1], 0));
    settings
}

/// A processor that is killed rather than stopped, with the runtime that its tasks are on.
struct Program {
    thread: JoinHandle<()>,
    kill: oneshot::Sender<()>,
}

impl Program {
    fn start(settings: &ProcessorSettings) -> Self {
        let settings = settings.clone();
        let (kill, killed) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    ended = service::run(settings, Process::new(Duration::from_secs(1))) => panic!("the processor ended: {ended:?}"),
                    _ = killed => {}
                }
            });
            runtime.shutdown_background();
        });
        Self { thread, kill }
    }

    fn kill(self) {
        self.kill.send(()).expect("the processor runs");
        tokio::task::block_in_place(|| self.thread.join()).expect("no panic");
    }
}

async fn produce(broker: &Broker, partition: i32, payload: &[u8], count: usize) {
    for _ in 0..count {
        broker.produce(SPANS, partition, payload).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_passes_heals_by_itself_and_the_other_partition_does_not_notice() {
    let broker = Broker::with(&[(SPANS, 2), (DLQ, 1), ("conversations", 1)]);
    let redis = RedisServer::start().await.expect("a server");
    // More bad ones than good ones: they are judged by several at once, and in any order it is too much.
    produce(&broker, 0, &BAD, 25).await;
    produce(&broker, 0, &GOOD, 20).await;
    produce(&broker, 1, &GOOD, 30).await;
    let settings = settings(&broker, &redis, LIMITS);
    let processor = Program::start(&settings);
    let store = Store::connect(&settings.redis).await.expect("a store");
    let deadline = Instant::now() + PATIENCE;
    while store.pauses("test").await.expect("pauses").is_empty() {
        assert!(Instant::now() < deadline, "it is paused");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    eventually("the other partition is done", || {
        broker.committed(SPANS, 1) == Some(30)
    })
    .await;
    eventually("all of it is done", || {
        broker.committed(SPANS, 0) == Some(45)
    })
    .await;
    // Records are read by several at once, and read again from the first that is not done: some are given up twice.
    assert!(
        (25..60).contains(&broker.count(DLQ)),
        "{}",
        broker.count(DLQ)
    );
    processor.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_stays_unreadable_is_not_emptied_by_restarts_and_goes_on_by_command() {
    let broker = Broker::with(&[(SPANS, 1), (DLQ, 1), ("conversations", 1)]);
    let redis = RedisServer::start().await.expect("a server");
    let limits = DeadLetterLimits {
        pause_ms: 600_000,
        pause_max_ms: 600_000,
        ..LIMITS
    };
    let settings = settings(&broker, &redis, limits);
    produce(&broker, 0, &BAD, 60).await;
    for _ in 0..2 {
        let processor = Program::start(&settings);
        eventually("nine are given up", || broker.count(DLQ) == 9).await;
        // Long enough to be assigned, and to read on.
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert_eq!(broker.count(DLQ), 9);
        processor.kill();
    }
    let processor = Program::start(&settings);
    let all = record::resume(&settings, &[], true);
    all.await.expect("goes on");
    eventually("nine more are given up", || broker.count(DLQ) == 18).await;
    processor.kill();
}
