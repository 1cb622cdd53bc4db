//! What every service is, and the order in which it comes to life: logs, own traces and metrics; the probes, which answer
//! before anything else may take its time, and to the very end; then the service itself; then whatever ends it.

use crate::config::{Config, Loaded};
use crate::health::{self, Condition, Health};
use crate::lifecycle::Lifecycle;
use crate::metrics::{self, Definition};
use crate::telemetry::{self, LogConfig, Metrics};
use crate::traces::{Traces, TracesConfig};
use anyhow::Context as _;
use clap::Subcommand;
use schemars::JsonSchema;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tracing::{error, info, warn};

/// What tells one service from another.
pub trait Service {
    type Config: Config + JsonSchema;
    /// Commands that this service has beside the common ones.
    type Own: Subcommand;
    const NAME: &'static str;
    /// One sentence for `--help`.
    const ABOUT: &'static str;
    const METRICS: &'static [Definition];

    /// Where its configuration has what all services need.
    fn common(config: &Self::Config) -> Common<'_>;

    /// Does its work until the process is told to stop, and then what has to be done before it ends. Tasks beside it go
    /// into [`Process::life`].
    ///
    /// # Errors
    /// When it cannot begin, or not go on: the process then stops, with an exit code that tells.
    fn serve(
        config: Self::Config,
        process: Process,
    ) -> impl Future<Output = anyhow::Result<()>> + Send + 'static;

    /// Does one of its own commands. The configuration is read by those that need it.
    fn own(command: Self::Own, configured: &crate::cli::Configured) -> anyhow::Result<()>;
}

/// Settings that all services have.
#[derive(Clone, Copy, Debug)]
pub struct Common<'a> {
    pub log: &'a LogConfig,
    pub traces: &'a TracesConfig,
    /// Where `/live`, `/ready` and `/metrics` are served.
    pub probes_bind: SocketAddr,
    /// How long a stop may take.
    pub grace_ms: u64,
}

/// What a service says of itself, and is told.
#[derive(Clone, Debug)]
pub struct Process {
    pub life: Lifecycle,
    pub health: Health,
    start: Condition,
}

impl Process {
    /// A process that may stop for so long, and is not ready yet.
    pub fn new(grace: Duration) -> Self {
        let health = Health::default();
        Self {
            life: Lifecycle::new(grace),
            start: health.condition("start"),
            health,
        }
    }

    /// To be called when all conditions of readiness are there: before, none of them could be unmet.
    pub fn begun(&self) {
        self.start.met();
    }
}

/// Runs the service on a runtime of its own until it is told to stop; the exit code tells how it went.
pub(crate) fn run<S: Service>(loaded: Loaded<S::Config>) -> anyhow::Result<ExitCode> {
    let Loaded {
        config, warnings, ..
    } = loaded;
    let common = S::common(&config);
    let traces = Traces::start(common.traces, S::NAME)?;
    let rendered = telemetry::init(common.log, traces.as_ref(), S::NAME)?;
    metrics::describe(S::METRICS);
    warnings.iter().for_each(|warning| warn!("{warning}"));
    let outcome = crate::cli::runtime(S::NAME)?.block_on(live::<S>(config, rendered));
    if let Some(traces) = traces {
        traces.finish();
    }
    outcome
}

async fn live<S: Service>(config: S::Config, metrics: Metrics) -> anyhow::Result<ExitCode> {
    let common = S::common(&config);
    let process = Process::new(Duration::from_millis(common.grace_ms));
    let life = process.life.clone();
    let probes = listen(common.probes_bind, "probes").await?;
    let (stopping, aborting) = (life.stopping().clone(), life.aborting().clone());
    let answering = health::serve(probes, process.health.clone(), metrics, stopping, aborting);
    // Outside of the lifecycle, which would wait for it: probes are answered to the very end.
    tokio::spawn(async move {
        if let Err(cause) = answering.await {
            error!(error = %cause, "the probes ended");
        }
    });
    info!(version = env!("CARGO_PKG_VERSION"), "starting");
    life.spawn_critical(S::NAME, S::serve(config, process));
    Ok(life.run().await)
}

/// Binds a port; `what` is said of it when that fails.
///
/// # Errors
/// When it is taken, or no address of this machine.
pub async fn listen(address: SocketAddr, what: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot bind {address} for {what}: is something else there?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_not_ready_before_its_conditions_are_there() {
        let process = Process::new(Duration::from_secs(1));
        assert_eq!(process.health.ready().checks["start"], "starting");
        let store = process.health.condition("store");
        process.begun();
        assert!(!process.health.ready().ok, "the store is not there yet");
        store.met();
        assert!(process.health.ready().ok);
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named_with_what_it_is_for() {
        let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = taken.local_addr().expect("an address");
        let error = listen(address, "probes").await.expect_err("taken");
        let text = format!("{error:#}");
        assert!(text.contains(&format!("cannot bind {address} for probes")));
    }
}
