//! A broker of one's own per test, and consumers that read as prose.

use bytes::Bytes;
use domain::facts::SpanFact;
use domain::ids::{ConversationKey, SpanId, SpanKey, TraceId};
use domain::prepare::{Fact, Prepared};
use domain::span::Operation;
use kafka::TopicConfig;
use processor::books::offsets::{OffsetTracker, Progress};
use processor::reading::decode::{Encoding, Signal};
use processor::source::config::KafkaConfig;
use processor::source::{
    self, Commitment, Event, Incoming, Position, Queued, Record, SourceHandle, Start,
    TopicPartition,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Long enough for a rebalance of the mock broker, which waits three seconds for further members, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const SPANS: &str = "otlp_spans";
pub(crate) const LOGS: &str = "otlp_logs";

pub(crate) struct Broker {
    pub(crate) cluster: MockCluster<'static, DefaultProducerContext>,
    producer: FutureProducer,
}

impl Broker {
    /// With topics of so many partitions each.
    pub(crate) fn with(topics: &[(&str, i32)]) -> Self {
        // Shown only for tests that fail. Another test of this binary may have set it already.
        let _ = tracing_subscriber::fmt()
            .with_env_filter("debug")
            .with_test_writer()
            .try_init();
        let cluster = MockCluster::new(1).expect("a mock cluster");
        for (topic, partitions) in topics {
            cluster
                .create_topic(topic, *partitions, 1)
                .expect("a topic");
        }
        let producer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .create()
            .expect("a producer");
        Self { cluster, producer }
    }

    /// Reads [`SPANS`], quickly and impatiently.
    pub(crate) fn config(&self) -> KafkaConfig {
        let brokers = self.cluster.bootstrap_servers();
        KafkaConfig {
            brokers: brokers.split(',').map(str::to_owned).collect(),
            topics: vec![topic(SPANS, Signal::Spans)],
            group_id: "test".to_owned(),
            session_timeout_ms: 10_000,
            commit_interval_ms: 50,
            statistics_interval_ms: 100,
            metadata_refresh_ms: 500,
            delivery_timeout_ms: 10_000,
            ..KafkaConfig::default()
        }
    }

    pub(crate) async fn produce(&self, topic: &str, partition: i32, payload: impl AsRef<[u8]>) {
        let headers = OwnedHeaders::new().insert(Header {
            key: "project_id",
            value: Some("shop"),
        });
        let record = FutureRecord::to(topic)
            .partition(partition)
            .key("trace")
            .headers(headers)
            .payload(payload.as_ref());
        self.producer
            .send(record, PATIENCE)
            .await
            .expect("produced");
    }

    /// Numbers as payloads, spread over the partitions in turn.
    pub(crate) async fn produce_numbers(
        &self,
        topic: &str,
        partitions: i32,
        numbers: std::ops::Range<usize>,
    ) {
        for number in numbers {
            self.produce(topic, number as i32 % partitions, number.to_string())
                .await;
        }
    }

    /// What the group has committed of a partition.
    pub(crate) fn committed(&self, topic: &str, partition: i32) -> Option<i64> {
        let consumer: BaseConsumer = self.config_of_group("test").create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition);
        let committed = consumer
            .committed_offsets(list, PATIENCE)
            .expect("committed offsets");
        match committed
            .find_partition(topic, partition)
            .map(|found| found.offset())
        {
            Some(Offset::Offset(offset)) => Some(offset),
            _ => None,
        }
    }

    /// All records of partition 0 of a topic, as they stand there.
    pub(crate) fn written(&self, topic: &str, count: usize) -> Vec<rdkafka::message::OwnedMessage> {
        let consumer: BaseConsumer = self.config_of_group("reader").create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning)
            .expect("an offset");
        consumer.assign(&list).expect("assigned");
        let deadline = Instant::now() + PATIENCE;
        let mut written = Vec::new();
        while written.len() < count && Instant::now() < deadline {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                written.push(message.detach());
            }
        }
        written
    }

    /// How many records there are in partition 0 of a topic.
    pub(crate) fn count(&self, topic: &str) -> i64 {
        let consumer: BaseConsumer = self
            .config_of_group("counter")
            .create()
            .expect("a consumer");
        let (_, end) = consumer
            .fetch_watermarks(topic, 0, PATIENCE)
            .expect("the ends of a partition");
        end
    }

    fn config_of_group(&self, group: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .set("group.id", group);
        config
    }
}

pub(crate) fn topic(name: &str, signal: Signal) -> TopicConfig {
    TopicConfig {
        name: name.to_owned(),
        encoding: Encoding::OtlpProto,
        signal,
    }
}

pub(crate) fn partition(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

/// A consumer that keeps books as the pipeline does.
pub(crate) struct Member {
    pub(crate) source: SourceHandle,
    pub(crate) incoming: Incoming,
    pub(crate) tracker: OffsetTracker,
    /// Assignments seen, an empty one included.
    pub(crate) assignments: usize,
    pub(crate) revocations: usize,
    /// Ends seen since the last record of the partition.
    pub(crate) ends: BTreeMap<TopicPartition, i64>,
    /// Where the last reading of each partition began.
    pub(crate) starts: BTreeMap<TopicPartition, Option<Start>>,
    pub(crate) topics: BTreeMap<Arc<str>, i32>,
    pub(crate) reachable: Vec<Result<(), String>>,
}

impl Member {
    pub(crate) fn join(config: &KafkaConfig) -> Self {
        let (source, incoming) = source::start(config).expect("a source");
        Self {
            source,
            incoming,
            tracker: OffsetTracker::default(),
            assignments: 0,
            revocations: 0,
            ends: BTreeMap::new(),
            starts: BTreeMap::new(),
            topics: BTreeMap::new(),
            reachable: Vec::new(),
        }
    }

    /// The next record, everything else being dealt with on the way; `None` when the deadline passes.
    pub(crate) async fn record_until(&mut self, deadline: Instant) -> Option<Record> {
        loop {
            let Incoming { events, records } = &mut self.incoming;
            let next = async {
                tokio::select! {
                    biased;
                    event = events.recv() => event.map(Err),
                    Some(record) = records.recv() => Some(Ok(record)),
                }
            };
            match timeout_at(deadline, next).await.ok()?? {
                Ok(record) => {
                    self.ends.remove(&record.at.partition);
                    let at_ms = self.tracker.track(&record.at, record.timestamp_ms);
                    assert!(at_ms.is_some(), "a stray record {}", record.at);
                    return Some(record);
                }
                Err(event) => self.on(event),
            }
        }
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::Assigned(partitions) => {
                self.assignments += 1;
                for begun in partitions {
                    self.starts.insert(begun.partition.clone(), begun.start);
                    self.tracker
                        .assign(begun.partition, begun.generation, begun.start);
                }
            }
            Event::Revoked { partitions, ack } => {
                self.revocations += 1;
                let mut done = Vec::new();
                for partition in &partitions {
                    let progress = self.tracker.progress_of(partition);
                    done.extend(progress.as_ref().map(Progress::commitment));
                    self.tracker.revoke(partition);
                }
                let _ = ack.send(done);
            }
            Event::Lost(partitions) => {
                for partition in &partitions {
                    self.tracker.revoke(partition);
                }
            }
            Event::EndOfPartition {
                partition,
                generation,
                handed_on,
                end_offset,
                ..
            } => {
                self.tracker
                    .reach_end(&partition, generation, handed_on, end_offset, 1);
                self.ends.insert(partition, end_offset);
            }
            Event::Topics(topics) => self.topics = topics,
            Event::Reachable(reachable) => self.reachable.push(reachable),
            Event::Failed(cause) => panic!("{cause}"),
        }
    }

    pub(crate) async fn record(&mut self) -> Record {
        let record = self.record_until(Instant::now() + PATIENCE).await;
        record.expect("a record in time")
    }

    /// Reads until there are so many records, done at once. Their payloads in the order they came.
    pub(crate) async fn read(&mut self, count: usize) -> Vec<String> {
        let mut payloads = Vec::new();
        for _ in 0..count {
            let record = self.record().await;
            assert!(self.tracker.acknowledge(&record.at));
            payloads.push(text(&record.payload));
        }
        payloads
    }

    /// Goes on until the condition holds. Records on the way are done at once.
    pub(crate) async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < deadline, "not in time: {what}");
            let turn = Instant::now() + Duration::from_millis(50);
            if let Some(record) = self.record_until(turn.min(deadline)).await {
                self.tracker.acknowledge(&record.at);
            }
        }
    }

    pub(crate) fn commit(&self) {
        self.source.commit(self.committable());
    }

    pub(crate) fn committable(&self) -> Vec<Commitment> {
        self.tracker
            .progress()
            .iter()
            .map(Progress::commitment)
            .collect()
    }

    pub(crate) fn owned(&self) -> usize {
        self.tracker.partitions().count()
    }

    pub(crate) async fn leave(self) -> source::Stopped {
        let last = self.committable();
        // The events' receiver goes only when the thread has ended.
        self.source.stop(last).await
    }
}

pub(crate) fn start(offset: i64) -> Start {
    Start {
        offset,
        time_ms: None,
    }
}

pub(crate) fn text(payload: &Bytes) -> String {
    String::from_utf8_lossy(payload).into_owned()
}

pub(crate) fn numbers(payloads: &[String]) -> Vec<usize> {
    payloads
        .iter()
        .map(|payload| payload.parse().expect("a number"))
        .collect()
}

pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// 2026-01-01.
pub(crate) const RECORDED_MS: i64 = 1_767_225_600_000;

/// A conversation of the project `shop`.
pub(crate) fn key(conversation: &str) -> ConversationKey {
    ConversationKey {
        project: "shop".to_owned(),
        id: conversation.to_owned(),
    }
}

/// A record as it was read, for work that is made by hand.
pub(crate) fn record(offset: i64) -> Record {
    Record {
        at: Position {
            partition: partition(SPANS, 0),
            offset,
            generation: 1,
        },
        timestamp_ms: RECORDED_MS,
        record_ms: RECORDED_MS,
        key: None,
        headers: Vec::new(),
        payload: Bytes::new(),
        queued: Queued::default(),
    }
}

/// A span, the only one of its trace.
pub(crate) fn span(number: i64) -> Prepared {
    let number = u64::try_from(number).expect("positive").to_be_bytes();
    let span = SpanFact {
        key: SpanKey {
            trace: TraceId::from_bytes(&[number, number].concat()).expect("an id"),
            span: SpanId::from_bytes(&number).expect("an id"),
        },
        is_genai: true,
        operation: Operation::Chat,
        record_ms: RECORDED_MS,
        ..SpanFact::default()
    };
    Prepared {
        fact: Fact::Span(Box::new(span)),
        bodies: Vec::new(),
        nodes: Vec::new(),
    }
}
