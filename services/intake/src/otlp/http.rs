//! OTLP/HTTP: `/v1/traces`, `/v1/logs` and `/v1/metrics`, and the addresses that Sentry's SDKs derive from a DSN.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use tracing::field::Empty;

use super::{Encoding, Export, Rejections, Signal, answer};
use crate::app::{App, Observed};
use crate::body::{self, Coding};
use crate::refusal::{Reason, Refusal};
use crate::sentry;

/// The project that a client may write to; `None` where its spans name it. Told from the head of a request.
type Admit = Box<dyn Fn(&App, &Parts) -> Result<Option<Arc<str>>, Refusal> + Send>;

pub async fn traces(app: State<Arc<App>>, request: Request) -> Response {
    handle(Signal::Traces, app.0, request, by_token()).await
}

pub async fn logs(app: State<Arc<App>>, request: Request) -> Response {
    handle(Signal::Logs, app.0, request, by_token()).await
}

pub async fn metrics(app: State<Arc<App>>, request: Request) -> Response {
    handle(Signal::Metrics, app.0, request, by_token()).await
}

pub async fn traces_by_dsn(
    app: State<Arc<App>>,
    Path(project): Path<String>,
    request: Request,
) -> Response {
    handle(Signal::Traces, app.0, request, by_dsn(project)).await
}

pub async fn logs_by_dsn(
    app: State<Arc<App>>,
    Path(project): Path<String>,
    request: Request,
) -> Response {
    handle(Signal::Logs, app.0, request, by_dsn(project)).await
}

fn by_token() -> Admit {
    Box::new(|app, head| app.admit_token(&head.headers))
}

/// The public key in the header `X-Sentry-Auth` or the query, and the project of the path.
fn by_dsn(project: String) -> Admit {
    Box::new(move |app, head| {
        let project = sentry::admit_head(app, &project, head)?;
        Ok(Some(project.name))
    })
}

#[tracing::instrument(name = "otlp_http", skip_all, fields(otel.kind = "server", signal = signal.name(), outcome = Empty, otel.status_code = Empty))]
async fn handle(signal: Signal, app: Arc<App>, request: Request, admit: Admit) -> Response {
    let begin = Instant::now();
    let (head, body) = request.into_parts();
    // Who speaks neither of the two gets an answer that people can read.
    let encoding = encoding(&head.headers);
    let answered_in = *encoding.as_ref().unwrap_or(&Encoding::Json);
    let outcome = match encoding {
        Ok(encoding) => {
            let project = admit(&app, &head);
            receive(signal, encoding, &app, &head.headers, body, project).await
        }
        Err(refused) => {
            body::drain(body).await;
            Err(refused)
        }
    };
    app.observe(Observed {
        protocol: "otlp_http",
        signal: signal.name(),
        begin,
        rejected: outcome.as_ref().map(|rejections| rejections.total),
    });
    match outcome {
        Ok(rejections) => answer::success(signal, answered_in, &rejections),
        Err(refused) => answer::refusal(answered_in, &refused),
    }
}

async fn receive(
    signal: Signal,
    encoding: Encoding,
    app: &App,
    headers: &HeaderMap,
    body: Body,
    project: Result<Option<Arc<str>>, Refusal>,
) -> Result<Rejections, Refusal> {
    let admitted = project.and_then(|project| {
        let name = headers.get(header::CONTENT_ENCODING);
        let name = name.map_or(Ok(""), |value| value.to_str()).unwrap_or("?");
        Ok((project, Coding::named(name)?, app.begin()?))
    });
    let (project, coding, _slot) = match admitted {
        Ok(admitted) => admitted,
        Err(refused) => {
            body::drain(body).await;
            return Err(refused);
        }
    };
    let mut held = app.budget.reservation();
    if signal == Signal::Metrics {
        body::drain(body).await;
        let body = bytes::Bytes::new();
        return super::export(
            app,
            Export {
                signal,
                encoding,
                coding,
                body,
                project,
                held,
            },
        )
        .await;
    }
    let body = body::read(headers, body, &app.config.limits, &mut held).await?;
    super::export(
        app,
        Export {
            signal,
            encoding,
            coding,
            body,
            project,
            held,
        },
    )
    .await
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok()?.split(';').next())
        .unwrap_or_default();
    match kind.trim().to_ascii_lowercase().as_str() {
        "application/x-protobuf" | "application/protobuf" => Ok(Encoding::Proto),
        "application/json" => Ok(Encoding::Json),
        other => Err(Refusal::new(
            Reason::Unsupported,
            format!(
                "the content type {:?} is not one of OTLP: send application/x-protobuf or application/json",
                domain::text::prefix(other, 80)
            ),
        )),
    }
}
