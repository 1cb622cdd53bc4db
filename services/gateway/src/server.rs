//! Puts the gateway together and runs it until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use runtime::health::{Condition, Health, Heartbeat};
use runtime::http::{self, Bounds, Protocol, Seats};
use runtime::lifecycle::Lifecycle;
use runtime::service::{Process, listen};
use store::{Store, StoreConfig};
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Config;
use crate::conversations::{ConversationReader, Hub, Signals};
use crate::graphql;
use crate::http::{App, router};

/// Between two attempts to reach the store at the start.
const CONNECT_RETRY: Duration = Duration::from_secs(1);
/// Between two looks at the store.
const PING_EVERY: Duration = Duration::from_secs(2);
/// A loop that has not turned for this long hangs.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Runs the gateway until it is told to stop.
pub async fn run(config: Config, process: Process) -> anyhow::Result<()> {
    let Process { life, health, .. } = &process;
    // Bound before the store is reached, so that a taken port is an error at once.
    let listener = listen(config.gateway.bind, "GraphQL").await?;
    let redis = health.condition("redis");
    process.begun();
    let Some(store) = connect(&config.redis, &redis, life.stopping()).await? else {
        return Ok(());
    };
    let watching = health.heartbeat("store_watch", SILENCE_MAX);
    let watch = watch_store(store.clone(), redis, watching, life.stopping().clone());
    life.spawn("store_watch", watch);
    let app = assemble(store, &config, health, life);
    info!(address = %config.gateway.bind, tokens = config.gateway.tokens.len(), "serving GraphQL");
    serve(app, listener, life.stopping().clone()).await;
    Ok(())
}

/// Serves until the token is cancelled, then ends requests and sockets in order.
pub async fn serve(app: Arc<App>, listener: TcpListener, stopping: CancellationToken) {
    let limits = &app.config.limits;
    let bounds = Bounds {
        protocol: Protocol::Http1,
        seats: Seats {
            connections_max: limits.connections_max,
            strangers_max: limits.strangers_max,
            strangers_per_address_max: limits.strangers_per_address_max,
        },
        header_timeout: Duration::from_millis(limits.header_timeout_ms),
        write_timeout: Duration::from_millis(limits.write_timeout_ms),
    };
    http::serve(listener, router(app.clone()), bounds, stopping).await;
    app.open_sockets.close();
    app.open_sockets.wait().await;
}

/// Everything behind the public port, with the tasks that keep it up to date running.
pub fn assemble(store: Store, config: &Config, health: &Health, life: &Lifecycle) -> Arc<App> {
    let gateway = &config.gateway;
    let reader = ConversationReader::new(store, &gateway.limits);
    let retention = Duration::from_millis(config.redis.retention_ms);
    let hub = Hub::new(reader.clone(), gateway.live.clone(), retention);
    let signals = Signals {
        wakeups: health.heartbeat("wakeups", SILENCE_MAX),
        feed: health.heartbeat("feed", SILENCE_MAX),
    };
    let receiving = hub.clone().run(signals, life.stopping().clone());
    life.spawn_critical("hub", receiving);
    let schema = graphql::schema(reader, hub, gateway);
    Arc::new(App::new(schema, gateway.clone(), life.stopping().clone()))
}

/// Waits for the store; `None` when the process is stopped first. A configuration that cannot work is an error.
async fn connect(
    config: &StoreConfig,
    redis: &Condition,
    stopping: &CancellationToken,
) -> anyhow::Result<Option<Store>> {
    loop {
        let attempt = tokio::select! {
            () = stopping.cancelled() => return Ok(None),
            attempt = Store::connect(config) => attempt,
        };
        match attempt {
            Ok(store) => return Ok(Some(store)),
            Err(cause) if cause.is_transient() => {
                warn!(error = %cause, "the store cannot be reached; trying again");
                redis.unmet(cause.to_string());
            }
            Err(cause) => return Err(cause).context("cannot use the store"),
        }
        tokio::select! {
            () = stopping.cancelled() => return Ok(None),
            () = tokio::time::sleep(CONNECT_RETRY) => {}
        }
    }
}

/// Keeps the readiness true to whether the store answers.
async fn watch_store(
    store: Store,
    redis: Condition,
    heartbeat: Heartbeat,
    stopping: CancellationToken,
) {
    let mut ticks = tokio::time::interval(PING_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match store.ping().await {
            Ok(()) => redis.met(),
            Err(cause) => redis.unmet(cause.to_string()),
        }
        heartbeat.beat();
    }
}
