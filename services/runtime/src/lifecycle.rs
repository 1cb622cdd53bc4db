//! The life of a process: tasks, signals, an orderly stop with a deadline, and an exit code that tells the truth.
//!
//! Two tokens: the soft one asks everything to finish what it has begun, the hard one tells it to drop that. The first
//! SIGTERM, SIGINT or SIGHUP gives the soft one; a second signal, or the end of the grace period, the hard one.

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

/// How long tasks may take to notice the hard token before the process leaves without them.
const ABORT_WAIT: Duration = Duration::from_secs(2);

/// Why a process ended otherwise than well. The exit code is the discriminant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A task that should run for as long as the process ended by itself, with an error, or by a panic. Exit code 1.
    Task { name: &'static str, reason: String },
    /// Work was still going on when the grace period ended. Exit code 2.
    DeadlinePassed,
    /// A second signal cut the stop short. Exit code 3.
    Aborted,
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::Task { .. } => 1,
            Self::DeadlinePassed => 2,
            Self::Aborted => 3,
        }
    }
}

/// A handle to the life of the process. Clones are handles to the same life.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    soft: CancellationToken,
    hard: CancellationToken,
    tracker: TaskTracker,
    /// The first failure; later ones follow from it.
    failure: Arc<Mutex<Option<Failure>>>,
    grace: Duration,
}

impl Lifecycle {
    /// `grace` is how long a stop may take before what still runs is dropped. Give the supervisor more than that.
    pub fn new(grace: Duration) -> Self {
        let hard = CancellationToken::new();
        Self {
            soft: hard.child_token(),
            hard,
            tracker: TaskTracker::new(),
            failure: Arc::default(),
            grace,
        }
    }

    /// Cancelled when the process should finish what it has begun and take on nothing new.
    pub fn stopping(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled when what is not finished should be dropped. Implies [`Self::stopping`].
    pub fn aborting(&self) -> &CancellationToken {
        &self.hard
    }

    /// Begins an orderly stop from within.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Begins a stop that ends with exit code 1.
    pub fn fail(&self, name: &'static str, reason: impl Into<String>) {
        let reason = reason.into();
        error!(task = name, reason, "stopping because a task failed");
        self.record(Failure::Task { name, reason });
        self.soft.cancel();
    }

    /// Runs a task without which the process is of no use: if it ends before a stop was asked for, or with an error, or
    /// panics, the process stops and its exit code says so. The stop waits for it.
    pub fn spawn_critical<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let life = self.clone();
        self.tracker.spawn(async move {
            let outcome = tokio::spawn(task).await;
            match outcome {
                Ok(Ok(())) if life.soft.is_cancelled() => info!(task = name, "finished"),
                Ok(Ok(())) => life.fail(name, "it ended while the process was running"),
                Ok(Err(cause)) => life.fail(name, format!("{cause:#}")),
                Err(cause) => life.fail(name, panic_text(cause)),
            }
        });
    }

    /// Runs a task that may end at any time. The stop waits for it; a panic in it stops the process, because nobody
    /// knows what it left undone.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let life = self.clone();
        self.tracker.spawn(async move {
            if let Err(cause) = tokio::spawn(task).await {
                life.fail(name, panic_text(cause));
            }
        });
    }

    /// Waits for a signal or a failure, stops in order, and returns how it went. The last thing that `main` does.
    pub async fn run(self) -> ExitCode {
        match Signals::listen() {
            Ok(mut signals) => self.run_with(async || signals.next().await).await,
            Err(cause) => {
                self.fail("signals", format!("cannot listen for signals: {cause}"));
                self.run_with(std::future::pending).await
            }
        }
        .map_or(ExitCode::SUCCESS, |failure| ExitCode::from(failure.code()))
    }

    async fn run_with(
        &self,
        mut next_signal: impl AsyncFnMut() -> &'static str,
    ) -> Option<Failure> {
        tokio::select! {
            name = next_signal() => {
                info!(signal = name, grace_ms = self.grace.as_millis() as u64, "stopping");
                self.soft.cancel();
            }
            () = self.soft.cancelled() => {}
        }
        self.tracker.close();
        tokio::select! {
            biased;
            () = self.tracker.wait() => {}
            name = next_signal() => {
                warn!(signal = name, "a second signal: dropping unfinished work");
                self.abort(Failure::Aborted).await;
            }
            () = tokio::time::sleep(self.grace) => {
                error!(tasks = self.tracker.len(), "the grace period is over: dropping unfinished work");
                self.abort(Failure::DeadlinePassed).await;
            }
        }
        let failure = self.failure.lock().clone();
        match &failure {
            Some(failure) => error!(?failure, "stopped"),
            None => info!("stopped"),
        }
        failure
    }

    async fn abort(&self, failure: Failure) {
        self.record(failure);
        self.hard.cancel();
        if tokio::time::timeout(ABORT_WAIT, self.tracker.wait())
            .await
            .is_err()
        {
            error!(
                tasks = self.tracker.len(),
                "leaving without tasks that do not end"
            );
        }
    }

    fn record(&self, failure: Failure) {
        self.failure.lock().get_or_insert(failure);
    }
}

fn panic_text(cause: tokio::task::JoinError) -> String {
    if !cause.is_panic() {
        return "it was cancelled".to_owned();
    }
    let payload = cause.into_panic();
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("without a message"))
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hangup.recv() => "SIGHUP",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    /// Runs a life whose signals come from the channel.
    async fn run(life: &Lifecycle, mut signals: mpsc::Receiver<&'static str>) -> Option<Failure> {
        life.run_with(async || match signals.recv().await {
            Some(name) => name,
            None => std::future::pending().await,
        })
        .await
    }

    fn signals(count: usize) -> mpsc::Receiver<&'static str> {
        let (sender, receiver) = mpsc::channel(8);
        for _ in 0..count {
            sender.try_send("SIGTERM").expect("has room");
        }
        receiver
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_stops_in_order_and_waits_for_the_tasks() {
        let life = Lifecycle::new(Duration::from_secs(30));
        let (done, finished) = tokio::sync::oneshot::channel();
        let stopping = life.stopping().clone();
        life.spawn_critical("worker", async move {
            stopping.cancelled().await;
            tokio::time::sleep(Duration::from_secs(10)).await;
            done.send(()).expect("is waited for");
            Ok(())
        });
        assert_eq!(run(&life, signals(1)).await, None);
        finished.await.expect("the task was not cut off");
        assert!(!life.aborting().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_crashed_task_stops_the_process_with_a_failure() {
        for (name, crash) in [("panics", true), ("errs", false)] {
            let life = Lifecycle::new(Duration::from_secs(30));
            life.spawn_critical(name, async move {
                assert!(!crash, "on purpose");
                anyhow::bail!("on purpose")
            });
            let failure = run(&life, signals(0)).await.expect("a failure");
            let Failure::Task { name: task, reason } = &failure else {
                panic!("{failure:?}")
            };
            assert_eq!(*task, name);
            assert!(reason.contains("on purpose"), "{reason}");
            assert_eq!(failure.code(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_critical_task_that_just_ends_is_a_failure_too() {
        let life = Lifecycle::new(Duration::from_secs(30));
        life.spawn_critical("worker", async { Ok(()) });
        assert!(matches!(
            run(&life, signals(0)).await,
            Some(Failure::Task { .. })
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn what_outlives_the_grace_period_is_dropped() {
        let life = Lifecycle::new(Duration::from_secs(30));
        let aborting = life.aborting().clone();
        life.spawn("slow", async move { aborting.cancelled().await });
        assert_eq!(run(&life, signals(1)).await, Some(Failure::DeadlinePassed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_does_not_wait() {
        let life = Lifecycle::new(Duration::from_secs(30));
        let begun = tokio::time::Instant::now();
        life.spawn("stuck", std::future::pending());
        assert_eq!(run(&life, signals(2)).await, Some(Failure::Aborted));
        assert!(begun.elapsed() <= ABORT_WAIT);
    }
}
