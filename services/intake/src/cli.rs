//! The commands of the binary.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use runtime::config::{Loaded, load};
use runtime::{healthcheck, telemetry};
use tracing::warn;

use crate::config::Config;
use crate::keys::NewKey;
use crate::server;

const HEALTHCHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// What a supervisor should not try again: the configuration cannot be used.
const EXIT_CONFIG: u8 = 64;

/// Takes OTLP and Sentry envelopes from SDKs and puts them into Kafka.
#[derive(Debug, Parser)]
#[command(name = "intake", version, about)]
struct Cli {
    /// The configuration file. Environment variables such as COLLOQUY_INTAKE__HTTP_BIND go over it.
    #[arg(long, env = "COLLOQUY_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take spans until SIGTERM, SIGINT or SIGHUP.
    Run,
    /// Check the configuration, or show it.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask the running intake whether it is ready.
    Healthcheck,
    /// Keys of clients.
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Report every problem, or none.
    Check,
    /// Print the effective configuration with the source of each value, without secrets.
    Print,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Print a new token for OTLP, a new public key for a Sentry DSN, and the entry for intake.keys that lets them in.
    New {
        /// Shown in logs.
        #[arg(long)]
        name: String,
        /// The project that everything sent with the key belongs to.
        #[arg(long)]
        project: String,
        /// The number of the project at the end of the DSN: another one for each project.
        #[arg(long, default_value_t = 1)]
        project_id: u64,
    },
}

/// Parses the arguments and does what they say.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Key(KeyCommand::New {
            name,
            project,
            project_id,
        }) => new_key(name, project, project_id),
        command => match load::<Config>(cli.config.as_deref()) {
            Ok(loaded) => with_config(command, loaded),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(EXIT_CONFIG);
            }
        },
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}

fn with_config(command: Command, loaded: Loaded<Config>) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run => {
            let metrics = telemetry::init(&loaded.config.log, "intake", env!("CARGO_PKG_VERSION"))?;
            loaded
                .warnings
                .iter()
                .for_each(|warning| warn!("{warning}"));
            Ok(runtime()?.block_on(server::run(loaded.config, metrics)))
        }
        Command::Healthcheck => {
            let bind = loaded.config.intake.probes_bind;
            runtime()?.block_on(healthcheck::check(bind, HEALTHCHECK_TIMEOUT))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Check) => {
            loaded
                .warnings
                .iter()
                .for_each(|warning| eprintln!("{warning}"));
            println!("the configuration is valid");
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Print) => {
            print!("{}", loaded.print()?);
            Ok(ExitCode::SUCCESS)
        }
        // It needs no configuration, and was done before.
        Command::Key(_) => Ok(ExitCode::SUCCESS),
    }
}

fn new_key(name: String, project: String, project_id: u64) -> anyhow::Result<ExitCode> {
    let new = NewKey::generate(name, project, project_id)?;
    let public_key = new.config.public_key.as_deref().unwrap_or_default();
    println!("Token for OTLP, shown only now: {}", new.token.expose());
    println!("DSN for Sentry SDKs: http://{public_key}@HOST:4318/{project_id}");
    println!("Entry for intake.keys: {}", new.config_line());
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("intake")
        .build()
        .context("cannot start the runtime")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }
}
