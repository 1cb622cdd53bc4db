//! Probes: is the process alive, is it ready, and why not. Served with the metrics on a port of their own, so that
//! neither a flood of requests nor their authentication stands in the way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::telemetry::Metrics;

const TIDY_EVERY: Duration = Duration::from_secs(5);

/// What a process says of its own state. Clones speak of the same process.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Checks>>);

#[derive(Debug, Default)]
struct Checks {
    heartbeats: BTreeMap<&'static str, Beat>,
    conditions: BTreeMap<&'static str, Standing>,
}

/// Of one condition.
#[derive(Clone, Debug)]
enum Standing {
    Met,
    /// It holds, and something is to be said all the same.
    MetWith(String),
    Unmet(String),
}

#[derive(Clone, Copy, Debug)]
struct Beat {
    last: Instant,
    silence_max: Duration,
}

/// Held by a loop that must keep turning. Dropping it ends the watch.
#[derive(Debug)]
pub struct Heartbeat {
    name: &'static str,
    health: Health,
}

impl Heartbeat {
    /// Says that the loop turned.
    pub fn beat(&self) {
        if let Some(beat) = self.health.0.lock().heartbeats.get_mut(self.name) {
            beat.last = Instant::now();
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.health.0.lock().heartbeats.remove(self.name);
    }
}

/// Something that must hold for the process to be ready, such as a connection to a store.
#[derive(Clone, Debug)]
pub struct Condition {
    name: &'static str,
    health: Health,
}

impl Condition {
    pub fn met(&self) {
        self.set(Standing::Met);
    }

    /// The process is ready, and this is shown to whoever asks: no secrets.
    pub fn met_with(&self, remark: impl Into<String>) {
        self.set(Standing::MetWith(remark.into()));
    }

    /// The reason is shown to whoever asks for readiness: no secrets.
    pub fn unmet(&self, reason: impl Into<String>) {
        self.set(Standing::Unmet(reason.into()));
    }

    fn set(&self, standing: Standing) {
        self.health.0.lock().conditions.insert(self.name, standing);
    }
}

/// The answer to a probe, as JSON in the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub ok: bool,
    /// By name: `ok`, a remark on what is well enough, or the reason why it is not.
    pub checks: BTreeMap<&'static str, String>,
}

impl Report {
    fn of(checks: impl Iterator<Item = (&'static str, Standing)>) -> Self {
        let mut ok = true;
        let checks = checks
            .map(|(name, standing)| match standing {
                Standing::Met => (name, "ok".to_owned()),
                Standing::MetWith(remark) => (name, remark),
                Standing::Unmet(reason) => {
                    ok = false;
                    (name, reason)
                }
            })
            .collect();
        Self { ok, checks }
    }
}

impl IntoResponse for Report {
    fn into_response(self) -> axum::response::Response {
        let status = if self.ok {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        (status, axum::Json(self)).into_response()
    }
}

impl Health {
    /// Watches a loop: the process counts as dead when it has not turned for longer than `silence_max`.
    pub fn heartbeat(&self, name: &'static str, silence_max: Duration) -> Heartbeat {
        let beat = Beat {
            last: Instant::now(),
            silence_max,
        };
        self.0.lock().heartbeats.insert(name, beat);
        Heartbeat {
            name,
            health: self.clone(),
        }
    }

    /// A condition of readiness, unmet at first.
    pub fn condition(&self, name: &'static str) -> Condition {
        let condition = Condition {
            name,
            health: self.clone(),
        };
        condition.unmet("starting");
        condition
    }

    pub fn live(&self) -> Report {
        let state = self.0.lock();
        Report::of(state.beats())
    }

    /// Ready when every condition is met and the process is alive.
    pub fn ready(&self) -> Report {
        let state = self.0.lock();
        let conditions = state.conditions.iter();
        let conditions = conditions.map(|(name, standing)| (*name, standing.clone()));
        Report::of(state.beats().chain(conditions))
    }
}

impl Checks {
    fn beats(&self) -> impl Iterator<Item = (&'static str, Standing)> {
        self.heartbeats.iter().map(|(name, beat)| {
            let silence = beat.last.elapsed();
            let standing = match silence > beat.silence_max {
                false => Standing::Met,
                true => Standing::Unmet(format!(
                    "has not turned for {} s, at most {} s are well",
                    silence.as_secs(),
                    beat.silence_max.as_secs()
                )),
            };
            (*name, standing)
        })
    }
}

/// `/live`, `/ready` and `/metrics`.
pub fn router(health: Health, metrics: Metrics) -> Router {
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    Router::new()
        .route(
            "/live",
            get(|State(health): State<Health>| async move { health.live() }),
        )
        .route(
            "/ready",
            get(|State(health): State<Health>| async move { health.ready() }),
        )
        .route("/metrics", get(async move || (text, metrics.render())))
        .with_state(health)
}

/// Answers probes until the token is cancelled; a process that is stopping is alive and not ready.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    metrics: Metrics,
    stopping: CancellationToken,
    until: CancellationToken,
) -> std::io::Result<()> {
    let lifetime = health.condition("lifetime");
    lifetime.met();
    tokio::spawn(async move {
        stopping.cancelled().await;
        lifetime.unmet("stopping");
    });
    let _tidying = AbortOnDropHandle::new(tokio::spawn(tidy(metrics.clone())));
    axum::serve(listener, router(health, metrics))
        .with_graceful_shutdown(until.cancelled_owned())
        .await
}

/// Histograms keep every sample until they are tidied, and nobody may ever come to read them.
async fn tidy(metrics: Metrics) {
    let mut ticks = tokio::time::interval(TIDY_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        metrics.tidy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_stands_still_is_dead_until_it_turns_again() {
        let health = Health::default();
        let heartbeat = health.heartbeat("loop", Duration::from_secs(10));
        assert!(health.live().ok);
        tokio::time::advance(Duration::from_secs(11)).await;
        let report = health.live();
        assert!(!report.ok);
        assert!(report.checks["loop"].contains("has not turned for 11 s"));
        heartbeat.beat();
        assert!(health.live().ok);
        drop(heartbeat);
        tokio::time::advance(Duration::from_secs(11)).await;
        assert!(health.live().ok, "a loop that has ended is not watched");
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_names_what_is_missing() {
        let health = Health::default();
        let redis = health.condition("redis");
        assert_eq!(health.ready().checks["redis"], "starting");
        redis.unmet("connection refused");
        let report = health.ready();
        assert_eq!(report.checks["redis"], "connection refused");
        assert!(!report.ok && health.live().ok);
        redis.met();
        assert!(health.ready().ok);
    }

    #[tokio::test(start_paused = true)]
    async fn a_remark_is_shown_and_leaves_the_process_ready() {
        let health = Health::default();
        health.condition("partitions").met_with("one is paused");
        let report = health.ready();
        assert!(report.ok);
        assert_eq!(report.checks["partitions"], "one is paused");
    }

    #[tokio::test]
    async fn the_probes_answer_over_http_and_tell_of_a_stop() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let health = Health::default();
        let (stopping, until) = (CancellationToken::new(), CancellationToken::new());
        let server = tokio::spawn(serve(
            listener,
            health.clone(),
            Metrics::detached(),
            stopping.clone(),
            until.clone(),
        ));
        let wait = Duration::from_secs(5);
        let check = |path: &'static str| crate::healthcheck::get(address, path, wait);
        assert_eq!(check("/live").await.expect("answers").0, 200);
        assert_eq!(check("/ready").await.expect("answers").0, 200);
        assert_eq!(check("/metrics").await.expect("answers").0, 200);
        stopping.cancel();
        let deadline = Instant::now() + wait;
        while check("/ready").await.expect("answers").0 != 503 {
            assert!(Instant::now() < deadline, "still ready after the stop");
            tokio::task::yield_now().await;
        }
        until.cancel();
        server.await.expect("no panic").expect("served");
    }
}
