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
use tokio::runtime::{Builder, Runtime};
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

/// Runs the service until it is told to stop; the exit code tells how it went.
///
/// There are two runtimes. The service has one with a thread per core. This thread has the other, for probes, metrics,
/// signals and the deadline of a stop: these answer whatever the service does, even where it does not let go of its threads.
pub(crate) fn run<S: Service>(loaded: Loaded<S::Config>) -> anyhow::Result<ExitCode> {
    let Loaded {
        config, warnings, ..
    } = loaded;
    let common = S::common(&config);
    let traces = Traces::start(common.traces, S::NAME)?;
    let rendered = telemetry::init(common.log, traces.as_ref(), S::NAME)?;
    metrics::describe(S::METRICS);
    warnings.iter().for_each(|warning| warn!("{warning}"));
    let work = crate::cli::runtime(S::NAME)?;
    let (bind, grace) = (common.probes_bind, Duration::from_millis(common.grace_ms));
    let begin = |process: Process| {
        let _within = work.enter();
        let life = process.life.clone();
        life.spawn_critical(S::NAME, S::serve(config, process));
    };
    let outcome = watching()?.block_on(watch(bind, Process::new(grace), rendered, begin));
    // Whoever has not ended by now would keep the process for ever.
    work.shutdown_background();
    if let Some(traces) = traces {
        traces.finish();
    }
    outcome
}

fn watching() -> anyhow::Result<Runtime> {
    let watching = Builder::new_current_thread().enable_all().build();
    watching.context("cannot start the runtime of the probes")
}

/// Answers probes, begins the service, and waits for its end.
async fn watch(
    bind: SocketAddr,
    process: Process,
    metrics: Metrics,
    begin: impl FnOnce(Process),
) -> anyhow::Result<ExitCode> {
    let life = process.life.clone();
    let probes = listen(bind, "probes").await?;
    let (stopping, aborting) = (life.stopping().clone(), life.aborting().clone());
    let answering = health::serve(probes, process.health.clone(), metrics, stopping, aborting);
    // Outside of the lifecycle, which would wait for it: probes are answered to the very end.
    tokio::spawn(async move {
        if let Err(cause) = answering.await {
            error!(error = %cause, "the probes ended");
        }
    });
    info!(version = env!("CARGO_PKG_VERSION"), "starting");
    begin(process);
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
    use std::io::{Read as _, Write as _};

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

    /// The status line of the answer to a probe.
    fn probe(address: SocketAddr) -> Option<String> {
        let mut stream = std::net::TcpStream::connect(address).ok()?;
        let request = b"GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.lines().next().map(str::to_owned)
    }

    #[test]
    fn probes_and_a_stop_are_answered_while_the_service_lets_no_thread_go() {
        let work = Builder::new_multi_thread().worker_threads(1).build();
        let work = work.expect("a runtime");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let process = Process::new(Duration::from_millis(50));
        let life = process.life.clone();
        let begin = |process: Process| {
            let _within = work.enter();
            process.life.spawn_critical("stuck", async {
                std::thread::park();
                Ok(())
            });
        };
        let asking = std::thread::spawn(move || {
            let answer = std::iter::repeat_with(|| probe(address)).find_map(|answer| answer);
            life.stop();
            answer.expect("an answer")
        });
        let ended = watching().expect("a runtime").block_on(watch(
            address,
            process,
            Metrics::detached(),
            begin,
        ));
        work.shutdown_background();
        assert_eq!(asking.join().expect("no panic"), "HTTP/1.1 200 OK");
        let code = format!("{:?}", ended.expect("it ends"));
        assert_eq!(code, format!("{:?}", ExitCode::from(2)), "past its grace");
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
