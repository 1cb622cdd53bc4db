//! OTLP/HTTP: `/v1/traces`, `/v1/logs` and `/v1/metrics`.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use tracing::field::Empty;

use super::{Encoding, Export, Rejections, Signal, answer};
use crate::app::{App, Observed};
use crate::body::{self, Coding};
use crate::refusal::{Reason, Refusal};

pub async fn traces(app: State<Arc<App>>, request: Request) -> Response {
    handle(Signal::Traces, app.0, request).await
}

pub async fn logs(app: State<Arc<App>>, request: Request) -> Response {
    handle(Signal::Logs, app.0, request).await
}

pub async fn metrics(app: State<Arc<App>>, request: Request) -> Response {
    handle(Signal::Metrics, app.0, request).await
}

#[tracing::instrument(name = "otlp_http", skip_all, fields(otel.kind = "server", signal = signal.name(), outcome = Empty, otel.status_code = Empty))]
async fn handle(signal: Signal, app: Arc<App>, request: Request) -> Response {
    let begin = Instant::now();
    let (head, body) = request.into_parts();
    // Who speaks neither of the two gets an answer that people can read.
    let encoding = encoding(&head.headers);
    let answered_in = *encoding.as_ref().unwrap_or(&Encoding::Json);
    let outcome = match encoding {
        Ok(encoding) => receive(signal, encoding, &app, &head.headers, body).await,
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
) -> Result<Rejections, Refusal> {
    let admitted = app.admit_token(headers).and_then(|project| {
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
