//! An intake and a broker of one's own per test, and requests that read as prose.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use intake::app::App;
use intake::config::Config;
use intake::server;
use intake::sink::{self, Sink};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use runtime::health::Health;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) const SPANS: &str = "otlp_spans";
pub(crate) const LOGS: &str = "otlp_logs";
pub(crate) const SENTRY: &str = "ingest-spans";
const PARTITIONS: i32 = 2;
/// Long enough for anything on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Intake {
    pub(crate) cluster: MockCluster<'static, DefaultProducerContext>,
    pub(crate) health: Health,
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
    pub(crate) client: reqwest::Client,
    stopping: CancellationToken,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) key: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Intake {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// With settings changed from the defaults.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let cluster = MockCluster::new(1).expect("a mock cluster");
        for topic in [SPANS, LOGS, SENTRY] {
            cluster.create_topic(topic, PARTITIONS, 1).expect("a topic");
        }
        let mut config = Config::default();
        let brokers = cluster.bootstrap_servers();
        config.kafka.brokers = brokers.split(',').map(str::to_owned).collect();
        change(&mut config);
        let listener = || TcpListener::bind("127.0.0.1:0");
        let (http, grpc) = (
            listener().await.expect("a port"),
            listener().await.expect("a port"),
        );
        let addresses = (
            http.local_addr().expect("bound"),
            grpc.local_addr().expect("bound"),
        );
        let sink = Sink::new(&config).expect("a client");
        let (health, stopping) = (Health::default(), CancellationToken::new());
        let condition = health.condition("kafka");
        let heartbeat = health.heartbeat("kafka_watch", PATIENCE);
        tokio::spawn(sink::watch(
            sink.clone(),
            condition,
            heartbeat,
            stopping.clone(),
        ));
        let app = Arc::new(App::new(config.intake, sink));
        tokio::spawn(server::serve(app, http, grpc, stopping.clone()));
        Self {
            cluster,
            health,
            http: addresses.0,
            grpc: addresses.1,
            client: reqwest::Client::new(),
            stopping,
        }
    }

    pub(crate) fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("http://{}{path}", self.http))
    }

    /// An export in protobuf.
    pub(crate) fn export(&self, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        self.post("/v1/traces")
            .header("Content-Type", "application/x-protobuf")
            .body(body)
    }

    /// Everything in a topic, sorted by key.
    pub(crate) async fn records(&self, topic: &'static str) -> Vec<Found> {
        let brokers = self.cluster.bootstrap_servers();
        let read = tokio::task::spawn_blocking(move || read(&brokers, topic));
        let mut found = read.await.expect("no panic");
        found.sort_by(|a, b| a.key.cmp(&b.key));
        found
    }

    /// Waits until the readiness is as told.
    pub(crate) async fn becomes(&self, ready: bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.health.ready().ok != ready {
            assert!(
                tokio::time::Instant::now() < deadline,
                "{:?}",
                self.health.ready()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

fn read(brokers: &str, topic: &str) -> Vec<Found> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "reader")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer");
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        partitions
            .add_partition_offset(topic, partition, Offset::Beginning)
            .expect("a partition");
    }
    consumer.assign(&partitions).expect("assigned");
    let (mut found, mut open) = (Vec::new(), PARTITIONS);
    while open > 0 {
        match consumer.poll(PATIENCE).expect("an event in time") {
            Ok(message) => found.push(Found {
                key: String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned(),
                payload: message.payload().unwrap_or_default().to_vec(),
                headers: headers(&message),
            }),
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => open -= 1,
            Err(cause) => panic!("{cause}"),
        }
    }
    found
}

fn headers(message: &rdkafka::message::BorrowedMessage<'_>) -> BTreeMap<String, String> {
    let headers = message.headers().map(|headers| headers.iter());
    headers
        .into_iter()
        .flatten()
        .map(|header| {
            let value = header.value.unwrap_or_default();
            (
                header.key.to_owned(),
                String::from_utf8_lossy(value).into_owned(),
            )
        })
        .collect()
}

pub(crate) fn span(trace: u8, id: u8, text_bytes: usize) -> Span {
    Span {
        trace_id: vec![trace; 16],
        span_id: vec![id; 8],
        name: format!("span {trace}/{id}"),
        attributes: vec![KeyValue {
            key: "text".to_owned(),
            value: Some(AnyValue {
                value: Some(any_value::Value::StringValue("x".repeat(text_bytes))),
            }),
            ..KeyValue::default()
        }],
        ..Span::default()
    }
}

pub(crate) fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}
