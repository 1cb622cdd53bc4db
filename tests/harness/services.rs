//! The system's own programs, as they are built from this tree.

use crate::eventually;
use crate::process::{Process, workspace};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::time::Duration;
use store::testing::free_port;

/// A service connects to Kafka and Redis before it is ready.
const READY_DEADLINE: Duration = Duration::from_secs(60);
/// More than a service takes to finish what it began.
const STOP_DEADLINE: Duration = Duration::from_secs(40);

/// Settings as `section.key`, over a service's defaults.
#[derive(Clone, Debug, Default)]
pub struct Settings(Vec<(String, String)>);

impl Settings {
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.0.push((key.to_owned(), value.to_string()));
        self
    }

    pub fn set_list(self, key: &str, values: &[String]) -> Self {
        self.set(key, format!("{values:?}"))
    }

    /// These settings, and `others` where both set a key.
    pub fn over(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// As the environment variables that the services read.
    fn environment(&self) -> Vec<(String, String)> {
        let variable = |key: &str| format!("COLLOQUY_{}", key.replace('.', "__").to_uppercase());
        self.0
            .iter()
            .map(|(key, value)| (variable(key), value.clone()))
            .collect()
    }
}

/// A running service that can be killed, stopped and started again.
#[derive(Debug)]
pub struct Service {
    name: &'static str,
    process: Process,
    directory: PathBuf,
    settings: Settings,
    probes_port: u16,
}

impl Service {
    /// Starts the program and waits until it says that it is ready.
    pub async fn start(name: &'static str, directory: &Path, settings: Settings) -> Self {
        let probes_port = free_port();
        let settings = settings.set(
            &format!("{name}.probes_bind"),
            format!("127.0.0.1:{probes_port}"),
        );
        let process = launch(name, directory, &settings);
        let mut service = Self {
            name,
            process,
            directory: directory.to_owned(),
            settings,
            probes_port,
        };
        service.ready().await;
        service
    }

    pub async fn ready(&mut self) {
        let url = format!("http://127.0.0.1:{}/ready", self.probes_port);
        eventually(
            &format!("{} is ready", self.name),
            READY_DEADLINE,
            async || {
                assert!(
                    self.process.is_running(),
                    "{} ended:\n{}",
                    self.name,
                    self.process.log_end()
                );
                reqwest::get(&url).await?.error_for_status().map(drop)
            },
        )
        .await;
    }

    /// What the readiness probe says now: its status and body.
    ///
    /// # Errors
    /// When the program does not answer.
    pub async fn probe(&self) -> reqwest::Result<(u16, String)> {
        let response = reqwest::get(format!("http://127.0.0.1:{}/ready", self.probes_port)).await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// The sum of a counter over all its labels; 0 when it was never raised.
    ///
    /// # Errors
    /// When the program does not answer.
    pub async fn counter(&self, name: &str) -> reqwest::Result<f64> {
        let url = format!("http://127.0.0.1:{}/metrics", self.probes_port);
        let metrics = reqwest::get(url).await?.text().await?;
        let lines = metrics.lines().filter(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        Ok(lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }

    /// Where `/live`, `/ready` and `/metrics` are.
    pub fn probes_port(&self) -> u16 {
        self.probes_port
    }

    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Stops it in its tracks (SIGSTOP), as a virtual machine that is moved: connections stay, nothing is answered.
    pub fn freeze(&self) {
        self.process.signal("STOP");
    }

    /// Lets it go on from there.
    pub fn thaw(&self) {
        self.process.signal("CONT");
    }

    pub fn stop(&mut self) -> ExitStatus {
        self.process.stop(STOP_DEADLINE)
    }

    /// Starts it again with the same settings, without waiting for it to be ready.
    pub fn restart(&mut self) {
        self.process = launch(self.name, &self.directory, &self.settings);
    }

    /// Another command of the program, with the same settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary(self.name));
        command.args(arguments).envs(self.settings.environment());
        command
    }

    pub fn log(&self) -> String {
        self.process.log()
    }
}

fn launch(name: &str, directory: &Path, settings: &Settings) -> Process {
    let mut environment = settings.environment();
    environment.push(("RUST_BACKTRACE".to_owned(), "1".to_owned()));
    Process::start(
        name,
        directory,
        &binary(name),
        &["run".to_owned()],
        &environment,
    )
}

/// The path of a program of the workspace, built first if it is not up to date.
fn binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        // target/<profile>/deps/<this test>, or target/<profile>/<program>
        let this = std::env::current_exe().expect("a running program has a path");
        let folder = this.parent().expect("programs lie in a folder");
        if !folder.ends_with("deps") {
            // A program is built along with the others, and does not build.
            return folder.to_owned();
        }
        let folder = folder.parent().expect("deps lies in target/<profile>");
        let profile = match folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "test",
            Some(profile) => profile,
        };
        // The whole workspace with its tests, as `make test` builds it: any other selection would have other features and
        // compile the dependencies once more.
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["test", "--workspace", "--no-run", "--quiet", "--locked"])
            .args(["--profile", profile])
            .current_dir(workspace());
        // What cargo tells this test about itself would tell build scripts that something had changed.
        let about_this_test = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_"];
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if about_this_test
                .iter()
                .any(|prefix| text.starts_with(prefix))
            {
                cargo.env_remove(&name);
            }
        }
        let built = cargo.status().expect("cargo runs");
        assert!(built.success(), "the services do not build");
        folder.to_owned()
    });
    folder.join(name)
}
