//! The intake, and clients that send to it as SDKs do.

use crate::captured::Request;
use crate::process::free_port;
use crate::services::{Service, Settings};
use reqwest::{Client, RequestBuilder, Response};
use std::path::Path;

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
