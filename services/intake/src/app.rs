//! What all requests share.

use std::sync::Arc;
use std::time::Instant;

use axum::http::HeaderMap;
use runtime::origin::OriginPolicy;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::budget::Budget;
use crate::config::IntakeConfig;
use crate::keys::Keyring;
use crate::metrics::{REQUEST_SECONDS, REQUESTS};
use crate::refusal::{Reason, Refusal};
use crate::sink::Sink;

#[derive(Debug)]
pub struct App {
    pub config: IntakeConfig,
    pub keyring: Keyring,
    pub budget: Budget,
    pub workers: Workers,
    pub sink: Sink,
    /// `None` where keys say who may write.
    pub origins: Option<OriginPolicy>,
    requests: Arc<Semaphore>,
}

/// One answered request, for the metrics.
#[derive(Debug)]
pub struct Observed<'a> {
    pub protocol: &'static str,
    pub signal: &'static str,
    pub begin: Instant,
    /// How many items were left out, or why all were.
    pub rejected: Result<usize, &'a Refusal>,
}

impl App {
    pub fn new(config: IntakeConfig, sink: Sink) -> Self {
        let limits = &config.limits;
        Self {
            keyring: Keyring::new(&config.keys),
            budget: Budget::new(limits.memory_bytes_max, limits.request_memory_bytes_max),
            workers: Workers::new(limits.workers_max),
            requests: Arc::new(Semaphore::new(
                limits.requests_max.min(Semaphore::MAX_PERMITS),
            )),
            origins: config.keys.is_empty().then(|| local_pages(&config)),
            sink,
            config,
        }
    }

    /// The project of a client that shows a token; `None` when whoever reaches us may write anywhere.
    ///
    /// # Errors
    /// When a token is needed and there is none, or an unknown one.
    pub fn admit_token(&self, headers: &HeaderMap) -> Result<Option<Arc<str>>, Refusal> {
        self.keyring.admit_token(headers)
    }

    /// Begins a request, before its body is read.
    ///
    /// # Errors
    /// When as many requests are being answered as may be, or Kafka does not answer.
    pub fn begin(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        self.sink.check()?;
        self.requests.clone().try_acquire_owned().map_err(|_| {
            Refusal::overloaded(
                "as many requests are being answered as this intake allows: try again later",
            )
        })
    }

    pub fn observe(&self, observed: Observed<'_>) {
        let outcome = match observed.rejected {
            Ok(0) => "accepted",
            Ok(_) => "partial",
            Err(refused) => refused.reason.name(),
        };
        let span = tracing::Span::current();
        span.record("outcome", outcome);
        if observed.rejected.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        let (protocol, signal) = (observed.protocol, observed.signal);
        metrics::counter!(REQUESTS, "protocol" => protocol, "signal" => signal, "outcome" => outcome)
            .increment(1);
        metrics::histogram!(REQUEST_SECONDS, "protocol" => protocol)
            .record(observed.begin.elapsed().as_secs_f64());
    }
}

/// Pages that this machine serves, and those that are configured by name.
fn local_pages(config: &IntakeConfig) -> OriginPolicy {
    let origins = config.otlp_origins.iter().chain(&config.sentry_origins);
    OriginPolicy {
        allowed_origins: origins.filter(|origin| *origin != "*").cloned().collect(),
        allowed_hosts: Some(config.allowed_hosts.clone()),
        allows_local_pages: true,
        settings: (
            "intake.sentry_origins or intake.otlp_origins",
            "intake.allowed_hosts",
        ),
    }
}

/// Threads for what costs a processor: decompressing, reading, cutting. Fewer than would starve the others.
#[derive(Clone, Debug)]
pub struct Workers(Arc<Semaphore>);

impl Workers {
    fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most)))
    }

    /// Runs the work on a thread of its own. Who waits here holds memory of the budget, which bounds how many do.
    ///
    /// # Errors
    /// When the work panics.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let failed = || {
            Refusal::new(
                Reason::Internal,
                "the intake failed to read the request; its log says why",
            )
        };
        let place = self.0.clone().acquire_owned().await.map_err(|_| failed())?;
        let working = tokio::task::spawn_blocking(move || {
            // Even when nobody waits for the outcome any more, the thread is taken.
            let _place = place;
            work()
        });
        working.await.map_err(|_| failed())
    }
}
