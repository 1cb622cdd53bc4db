//! Sentry envelopes: `POST /api/{project}/envelope/`, answered as Sentry answers.

mod auth;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::sentry_envelope::{self, Envelope, EnvelopeError};
use runtime::clock::{Clock as _, SystemClock};
use serde_json::json;
use tracing::debug;
use tracing::field::Empty;

use crate::app::{App, Observed};
use crate::body::{self, Coding};
use crate::budget::Reservation;
use crate::config::LimitsConfig;
use crate::keys::SentryProject;
use crate::metrics::{DROPPED, ITEMS, REJECTED};
use crate::otlp::{self, Signal};
use crate::refusal::{Reason, Refusal};
use crate::sink::{Outcome, Record, Stream};

/// Sentry's header for what was wrong.
pub const ERROR: HeaderName = HeaderName::from_static("x-sentry-error");
/// Sentry's header for what must not be sent for how long.
pub const RATE_LIMITS: HeaderName = HeaderName::from_static("x-sentry-rate-limits");
/// There is one organization here.
const ORGANIZATION_ID: u64 = 1;

const SIGNAL: &str = "envelope";

#[tracing::instrument(name = "sentry", skip_all, fields(otel.kind = "server", outcome = Empty, otel.status_code = Empty))]
pub async fn envelope(
    State(app): State<Arc<App>>,
    Path(project): Path<String>,
    request: Request,
) -> Response {
    let begin = Instant::now();
    let outcome = receive(&app, &project, request).await;
    app.observe(Observed {
        protocol: "sentry",
        signal: SIGNAL,
        begin,
        rejected: outcome.as_ref().map(|accepted| accepted.rejected),
    });
    match outcome {
        Ok(Accepted {
            event_id: Some(id), ..
        }) => axum::Json(json!({"id": id})).into_response(),
        Ok(_) => axum::Json(json!({})).into_response(),
        Err(refused) => refusal(&refused),
    }
}

#[derive(Debug, Default)]
struct Accepted {
    event_id: Option<String>,
    rejected: usize,
}

async fn receive(app: &App, project: &str, request: Request) -> Result<Accepted, Refusal> {
    let (head, body) = request.into_parts();
    let admitted = admit(app, project, &head);
    let (mut client, project_id, coding, _slot) = match admitted {
        Ok(admitted) => admitted,
        Err(refused) => {
            body::drain(body).await;
            return Err(refused);
        }
    };
    let mut held = app.budget.reservation();
    let limits = &app.config.limits;
    let compressed = body::read(&head.headers, body, limits, &mut held).await?;
    let reading = Reading {
        coding,
        compressed,
        limits: limits.clone(),
        held,
    };
    let plain = app.workers.run(move || reading.decompress()).await??;
    let client_key = client.key.take();
    let key = client_key.map_or_else(|| auth::of_envelope(&plain.body), Ok)?;
    let project = app.keyring.admit_public_key(&key, project_id)?;
    deliver(app, plain, project).await
}

type Admitted = (auth::Client, u64, Coding, tokio::sync::OwnedSemaphorePermit);

/// What can be said before the body is read.
fn admit(app: &App, project: &str, head: &Parts) -> Result<Admitted, Refusal> {
    let project_id = project_id(project)?;
    let client = auth::of_head(head)?;
    if let Some(key) = &client.key {
        app.keyring.admit_public_key(key, project_id)?;
    }
    let name = head.headers.get(header::CONTENT_ENCODING);
    let name = name.map_or(Ok(""), |value| value.to_str()).unwrap_or("?");
    Ok((client, project_id, Coding::named(name)?, app.begin()?))
}

fn project_id(project: &str) -> Result<u64, Refusal> {
    project.parse().map_err(|_| {
        Refusal::malformed(
            "the project in the path is not a number: let the DSN end in one, such as /1",
        )
    })
}

/// The project of a client that shows its DSN's public key in the head of a request.
///
/// # Errors
/// When there is no key, an unknown one, or one of another project.
pub fn admit_head(app: &App, project: &str, head: &Parts) -> Result<SentryProject, Refusal> {
    let project_id = project_id(project)?;
    let key = auth::of_head(head)?.key.ok_or_else(|| {
        Refusal::new(
            Reason::Forbidden,
            "missing authorization information: send the DSN's public key in the header X-Sentry-Auth, \
             or in the query as sentry_key",
        )
    })?;
    app.keyring.admit_public_key(&key, project_id)
}

struct Reading {
    coding: Coding,
    compressed: Bytes,
    limits: LimitsConfig,
    held: Reservation,
}

struct Plain {
    body: Bytes,
    held: Reservation,
}

impl Reading {
    fn decompress(mut self) -> Result<Plain, Refusal> {
        let most = self.limits.decompressed_bytes_max;
        let body = body::decompress(self.coding, self.compressed, most, &mut self.held)?;
        Ok(Plain {
            body,
            held: self.held,
        })
    }
}

async fn deliver(app: &App, plain: Plain, project: SentryProject) -> Result<Accepted, Refusal> {
    let context = sentry_envelope::Context {
        organization_id: ORGANIZATION_ID,
        project_id: project.id,
        key_id: None,
        received_s: SystemClock.now_ms() as f64 / 1_000.0,
    };
    let item_bytes_max = app.config.limits.item_bytes_max;
    let name = project.name;
    let (read, _held) = app
        .workers
        .run(move || records(plain, &context, name, item_bytes_max))
        .await??;
    for (kind, count) in &read.envelope.skipped {
        metrics::counter!(DROPPED, "kind" => known_kind(kind)).increment(*count as u64);
    }
    let sent = read.records.len();
    let outcomes = app.sink.deliver(read.records).await?;
    let oversized = outcomes
        .iter()
        .filter(|outcome| **outcome == Outcome::TooLarge)
        .count();
    let rejected = read.envelope.rejected_total + oversized;
    metrics::counter!(ITEMS, "signal" => SIGNAL).increment((sent - oversized) as u64);
    if rejected > 0 {
        metrics::counter!(REJECTED, "signal" => SIGNAL).increment(rejected as u64);
        debug!(rejected, oversized, why = ?read.envelope.rejected, "an envelope was taken in part");
    }
    Ok(Accepted {
        event_id: read.envelope.event_id,
        rejected,
    })
}

struct Read {
    envelope: Envelope,
    records: Vec<Record>,
}

/// The records of an envelope, each within the bounds.
fn records(
    plain: Plain,
    context: &sentry_envelope::Context,
    project: Arc<str>,
    item_bytes_max: usize,
) -> Result<(Read, Reservation), Refusal> {
    let Plain { body, mut held } = plain;
    held.grow(body::untyped_json_bytes(&body))?;
    let mut envelope = sentry_envelope::read(&body, context).map_err(|cause| match cause {
        EnvelopeError::TooManyItems | EnvelopeError::TooManySpans => {
            Refusal::too_large(cause.to_string())
        }
        _ => Refusal::malformed(cause.to_string()),
    })?;
    let mut records = Vec::with_capacity(envelope.records.len() + envelope.errors.len());
    let spans = std::mem::take(&mut envelope.records);
    let errors = std::mem::take(&mut envelope.errors);
    let spans = spans.into_iter().map(|record| (Stream::Sentry, record));
    let errors = errors.into_iter().map(|record| (Stream::Logs, record));
    for (stream, record) in spans.chain(errors) {
        let text = record.body.to_string();
        let payload = match stream {
            // Logs go to Kafka in protobuf.
            Stream::Logs => otlp::to_proto(Signal::Logs, text.as_bytes())?.request,
            _ => Bytes::from(text),
        };
        if payload.len() > item_bytes_max {
            envelope.rejected_total += 1;
            continue;
        }
        held.grow(2 * payload.len())?;
        records.push(Record {
            stream,
            key: record.trace_id.to_string(),
            payload,
            project: Some(project.clone()),
        });
    }
    Ok((Read { envelope, records }, held))
}

/// Clients choose the words; only those that are known become labels.
fn known_kind(kind: &str) -> &'static str {
    const KNOWN: [&str; 16] = [
        "event",
        "session",
        "sessions",
        "client_report",
        "attachment",
        "check_in",
        "profile",
        "profile_chunk",
        "replay_event",
        "replay_recording",
        "replay_video",
        "feedback",
        "log",
        "trace_metric",
        "statsd",
        "user_report",
    ];
    KNOWN
        .into_iter()
        .find(|known| *known == kind)
        .unwrap_or("other")
}

/// What Sentry says: a JSON body with `detail`, and the same in a header.
fn refusal(refused: &Refusal) -> Response {
    let status = match refused.reason {
        // Sentry does not tell the two apart.
        Reason::Unauthenticated | Reason::Forbidden => StatusCode::FORBIDDEN,
        reason => reason.status(),
    };
    let mut response = (status, axum::Json(json!({"detail": refused.message}))).into_response();
    let headers = response.headers_mut();
    if let Ok(message) = HeaderValue::from_str(&refused.message) {
        headers.insert(ERROR, message);
    }
    if let Some(wait) = refused.reason.retry_after() {
        let seconds = wait.as_secs();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        // Of all that SDKs send we take only these, so the others need not wait.
        let limits = format!(
            "{seconds}:transaction;span;error:organization:{}",
            refused.reason.name()
        );
        if let Ok(limits) = HeaderValue::from_str(&limits) {
            headers.insert(RATE_LIMITS, limits);
        }
    }
    response
}
