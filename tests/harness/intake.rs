//! The intake, and clients that send to it as SDKs do.

use crate::captured::Request;
use crate::kafka::Kafka;
use crate::record::Record;
use crate::services::{Service, Settings};
use crate::topics::Topics;
use reqwest::{Client, RequestBuilder, Response};
use std::path::Path;
use store::testing::free_port;
use tempfile::TempDir;

/// Taken from anybody by an intake without keys.
pub const PUBLIC_KEY: &str = "0123456789abcdef0123456789abcdef";

/// A running intake and where it listens.
#[derive(Debug)]
pub struct Intake {
    pub service: Service,
    pub http_port: u16,
    pub grpc_port: u16,
    client: Client,
}

impl Intake {
    /// Starts it and waits until it says that it is ready.
    pub async fn start(directory: &Path, settings: Settings) -> Self {
        let (http_port, grpc_port) = (free_port(), free_port());
        let settings = settings
            .set("intake.http_bind", format!("127.0.0.1:{http_port}"))
            .set("intake.grpc_bind", format!("127.0.0.1:{grpc_port}"));
        Self {
            service: Service::start("intake", directory, settings).await,
            http_port,
            grpc_port,
            client: Client::new(),
        }
    }

    /// One with topics of its own on the shared broker, which nothing reads.
    pub async fn alone(name: &str) -> (Self, Topics, TempDir) {
        let kafka = Kafka::shared().await;
        let topics = Topics::with_prefix(&format!("{name}-"));
        topics.create(&kafka.brokers(), 3).await.expect("topics");
        let directory = tempfile::tempdir().expect("a temporary folder");
        let settings = Settings::default()
            .set_list("kafka.brokers", &[kafka.brokers()])
            .set("kafka.topics", topics.as_setting());
        let intake = Self::start(directory.path(), settings).await;
        (intake, topics, directory)
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT` with `http/protobuf` or `http/json`.
    pub fn otlp_http(&self) -> String {
        format!("http://127.0.0.1:{}", self.http_port)
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT` with `grpc`.
    pub fn otlp_grpc(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc_port)
    }

    /// For `SENTRY_DSN`. Without keys the project is the number.
    pub fn dsn(&self, project: u64) -> String {
        format!("http://{PUBLIC_KEY}@127.0.0.1:{}/{project}", self.http_port)
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.otlp_http()))
    }

    /// Sends a recorded request as its SDK did.
    ///
    /// # Errors
    /// When the intake does not answer.
    pub async fn send(&self, request: Request) -> reqwest::Result<Response> {
        let sent = match request.content_type {
            Some(kind) => self.post(request.path).header("Content-Type", kind),
            None => self.post(&format!(
                "{}?sentry_version=7&sentry_key={PUBLIC_KEY}",
                request.path
            )),
        };
        sent.body(request.body).send().await
    }
}

/// Sends records of OTLP spans in one export. Says whether all of them were acknowledged.
///
/// # Errors
/// When the intake does not answer.
pub async fn export(
    client: &Client,
    endpoint: &str,
    records: &[Record],
) -> reqwest::Result<Result<(), String>> {
    // Requests one after the other are a request of all their resources: that is what protobuf's lists are.
    let payloads: Vec<&[u8]> = records.iter().map(|record| &*record.payload).collect();
    let body = payloads.concat();
    let answer = client
        .post(format!("{endpoint}/v1/traces"))
        .header("Content-Type", "application/x-protobuf")
        .body(body)
        .send()
        .await?;
    let status = answer.status();
    let body = answer.bytes().await?;
    if status.is_success() && body.is_empty() {
        return Ok(Ok(()));
    }
    Ok(Err(format!("{status}: {}", String::from_utf8_lossy(&body))))
}
