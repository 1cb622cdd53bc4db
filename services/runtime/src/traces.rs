//! Own traces: what a service does for each request and each batch, sent by OTLP/HTTP to where the operator's traces are.

use crate::config::{Problems, Secret};
use anyhow::Context as _;
use async_trait::async_trait;
use axum::http::{Request, Response};
use bytes::Bytes;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use tracing::{Level, Metadata, Subscriber, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// For one request with spans.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// For the last spans when the process ends: nobody should wait for them long.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);
/// The crates whose spans these are. Those of libraries say little about us.
const OWN_CRATES: &[&str] = &["processor", "gateway", "intake", "store"];

/// The section `[traces]`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TracesConfig {
    /// Where own traces go, as the base of an OTLP/HTTP endpoint such as `http://127.0.0.1:4318`; none are made without it. An intake
    /// of the same installation is no good place: it would trace what it receives.
    pub endpoint: Option<String>,
    /// Share of the traces that is kept, 0 to 1.
    pub sample_ratio: f64,
    /// Headers of the requests with traces, such as `authorization`. Values are never shown.
    pub headers: BTreeMap<String, Secret>,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            sample_ratio: 0.1,
            headers: BTreeMap::new(),
        }
    }
}

impl TracesConfig {
    pub fn validate(&self, problems: &mut Problems) {
        let is_address = |text: &str| text.starts_with("http://") || text.starts_with("https://");
        problems.require(
            self.endpoint.as_deref().is_none_or(is_address),
            "traces.endpoint",
            "must begin with http:// or https://, such as http://127.0.0.1:4318",
        );
        problems.require(
            (0.0..=1.0).contains(&self.sample_ratio),
            "traces.sample_ratio",
            "must be between 0 and 1",
        );
    }

    /// The full address, by the rules for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    fn address(&self) -> Option<String> {
        let base = self.endpoint.as_deref()?.trim_end_matches('/');
        Some(format!("{base}/v1/traces"))
    }
}

/// Sends spans in the background, from a thread of its own.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// `None` when traces are not configured.
    pub fn start(config: &TracesConfig, service: &'static str) -> anyhow::Result<Option<Self>> {
        let Some(address) = config.address() else {
            return Ok(None);
        };
        let headers = config
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.expose().to_owned()))
            .collect();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(address)
            .with_headers(headers)
            .build()
            .context("traces.endpoint: cannot send there")?;
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
                config.sample_ratio,
            ))))
            .with_resource(resource)
            .build();
        Ok(Some(Self(provider)))
    }

    /// Turns the spans of our crates into OpenTelemetry's.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("colloquy"))
            .with_filter(filter_fn(is_own))
    }

    /// Sends what is left.
    pub fn finish(self) {
        if let Err(cause) = self.0.shutdown_with_timeout(FLUSH_TIMEOUT) {
            warn!(error = %cause, "the last own traces were not sent");
        }
    }
}

/// An HTTP client that blocks: the exporter calls it from the thread of its own, outside of any async runtime.
#[derive(Clone, Debug)]
struct Client(ureq::Agent);

impl Client {
    fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(EXPORT_TIMEOUT))
            .http_status_as_error(false)
            .build();
        Self(config.into())
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, mut body) = self.0.run(request.map(|body| body.to_vec()))?.into_parts();
        Ok(Response::from_parts(head, body.read_to_vec()?.into()))
    }
}

fn is_own(metadata: &Metadata<'_>) -> bool {
    let crate_name = metadata.target().split("::").next().unwrap_or_default();
    metadata.is_span() && *metadata.level() <= Level::INFO && OWN_CRATES.contains(&crate_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_added_to_the_base() {
        let config = |endpoint: &str| TracesConfig {
            endpoint: Some(endpoint.to_owned()),
            ..TracesConfig::default()
        };
        let full = Some("http://tempo:4318/v1/traces".to_owned());
        assert_eq!(config("http://tempo:4318").address(), full);
        assert_eq!(config("http://tempo:4318/").address(), full);
        assert_eq!(TracesConfig::default().address(), None);
    }

    #[test]
    fn what_cannot_work_is_told() {
        let config = TracesConfig {
            endpoint: Some("tempo:4318".to_owned()),
            sample_ratio: 10.0,
            ..TracesConfig::default()
        };
        let mut problems = Problems::default();
        config.validate(&mut problems);
        let found = format!("{problems:?}");
        assert!(found.contains("traces.endpoint") && found.contains("traces.sample_ratio"));
    }
}
