//! Puts the intake together and runs it until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use runtime::http::{self, Bounds, Protocol, Seats};
use runtime::service::{Process, listen};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::app::App;
use crate::config::{Config, LimitsConfig};
use crate::otlp::grpc;
use crate::routes::router;
use crate::sink::{self, Sink};

/// A loop that has not turned for this long hangs.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Runs the intake until it is told to stop.
pub async fn run(config: Config, process: Process) -> anyhow::Result<()> {
    let Process { life, health, .. } = &process;
    let intake = &config.intake;
    let http_listener = listen(intake.http_bind, "OTLP/HTTP and Sentry").await?;
    let grpc_listener = listen(intake.grpc_bind, "OTLP/gRPC").await?;
    let kafka = health.condition("kafka");
    process.begun();
    let sink = Sink::new(&config)?;
    let heartbeat = health.heartbeat("kafka_watch", SILENCE_MAX);
    let watching = sink::watch(sink.clone(), kafka, heartbeat, life.stopping().clone());
    life.spawn("kafka_watch", watching);
    info!(
        http = %intake.http_bind,
        grpc = %intake.grpc_bind,
        keys = intake.keys.len(),
        "taking OTLP and Sentry envelopes"
    );
    let app = Arc::new(App::new(config.intake, sink));
    serve(app, http_listener, grpc_listener, life.stopping().clone()).await;
    Ok(())
}

/// Serves both ports until the token is cancelled, then finishes the requests that have begun.
pub async fn serve(
    app: Arc<App>,
    http_listener: TcpListener,
    grpc_listener: TcpListener,
    stopping: CancellationToken,
) {
    let limits = &app.config.limits;
    let http = http::serve(
        http_listener,
        router(app.clone()),
        bounds(limits, Protocol::Http1),
        stopping.clone(),
    );
    let grpc = http::serve(
        grpc_listener,
        grpc::router(app.clone()),
        bounds(limits, Protocol::Http2),
        stopping,
    );
    tokio::join!(http, grpc);
}

fn bounds(limits: &LimitsConfig, protocol: Protocol) -> Bounds {
    Bounds {
        protocol,
        seats: Seats {
            connections_max: limits.connections_max,
            strangers_max: limits.strangers_max,
            strangers_per_address_max: limits.strangers_per_address_max,
        },
        header_timeout: Duration::from_millis(limits.header_timeout_ms),
        write_timeout: Duration::from_millis(limits.write_timeout_ms),
    }
}
