//! The command line that all services have: running, checking the configuration, asking after health.

use crate::config::{Config, Loaded, load, reference};
use crate::service::{self, Service};
use crate::{healthcheck, metrics};
use anyhow::Context as _;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const HEALTHCHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// What a supervisor should not try again: the configuration cannot be used (`EX_USAGE` of sysexits.h).
const EXIT_CONFIG: u8 = 64;

#[derive(Debug, Parser)]
struct Arguments<Own: Subcommand> {
    #[command(flatten)]
    configured: Configured,
    #[command(subcommand)]
    command: Command<Own>,
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub struct Configured {
    /// The configuration file. Environment variables such as COLLOQUY_LOG__FORMAT go over it.
    #[arg(long, env = "COLLOQUY_CONFIG", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command<Own: Subcommand> {
    /// Run until SIGTERM, SIGINT or SIGHUP.
    Run,
    /// Check the configuration, or show it.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask the running service whether it is ready.
    Healthcheck,
    /// Print what docs/configuration.md and docs/metrics.md are made of.
    #[command(subcommand)]
    Reference(ReferenceCommand),
    #[command(flatten)]
    Own(Own),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Report every problem, or none.
    Check,
    /// Print the effective configuration with the source of each value, without secrets.
    Print,
}

#[derive(Debug, Subcommand)]
enum ReferenceCommand {
    /// The settings with their defaults, of all sections or of those that are named.
    Config { sections: Vec<String> },
    /// The metrics.
    Metrics,
}

/// Parses the arguments of the process and does what they say.
#[expect(clippy::print_stderr, reason = "there is no log yet, or no more")]
pub fn main<S: Service>() -> ExitCode {
    let arguments = Arguments::from_arg_matches(&command::<S>().get_matches())
        .unwrap_or_else(|error| error.exit());
    perform::<S>(arguments).unwrap_or_else(|error| {
        eprintln!("{}: {error:#}", S::NAME);
        match error.is::<crate::config::Error>() {
            true => ExitCode::from(EXIT_CONFIG),
            false => ExitCode::FAILURE,
        }
    })
}

fn command<S: Service>() -> clap::Command {
    Arguments::<S::Own>::command()
        .name(S::NAME)
        .about(S::ABOUT)
        .version(env!("CARGO_PKG_VERSION"))
}

#[expect(clippy::print_stdout, reason = "what the command was asked for")]
fn perform<S: Service>(arguments: Arguments<S::Own>) -> anyhow::Result<ExitCode> {
    let configured = &arguments.configured;
    match arguments.command {
        Command::Run => {
            return service::run::<S>(configured.load()?);
        }
        Command::Config(what) => show(&what, &configured.load::<S::Config>()?)?,
        Command::Healthcheck => {
            let config = configured.load::<S::Config>()?.config;
            let address = S::common(&config).probes_bind;
            runtime(S::NAME)?.block_on(healthcheck::check(address, HEALTHCHECK_TIMEOUT))?;
        }
        Command::Reference(ReferenceCommand::Config { sections }) => {
            print!("{}", reference::<S::Config>(&sections)?);
        }
        Command::Reference(ReferenceCommand::Metrics) => {
            print!("{}", metrics::reference(S::METRICS));
        }
        Command::Own(command) => S::own(command, configured)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what the command was asked for"
)]
fn show<T: Config>(what: &ConfigCommand, loaded: &Loaded<T>) -> anyhow::Result<()> {
    loaded
        .warnings
        .iter()
        .for_each(|warning| eprintln!("{warning}"));
    match what {
        ConfigCommand::Check => println!("the configuration is valid"),
        ConfigCommand::Print => print!("{}", loaded.print()?),
    }
    Ok(())
}

impl Configured {
    /// Reads the configuration that the arguments and the environment name.
    pub fn load<T: Config>(&self) -> Result<Loaded<T>, crate::config::Error> {
        load(self.config.as_deref())
    }
}

/// A runtime with a thread per core.
pub fn runtime(name: &str) -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name(name)
        .build()
        .context("cannot start the async runtime")
}

/// Panics when the commands of a service contradict each other: for its tests.
pub fn assert_well_formed<S: Service>() {
    command::<S>().debug_assert();
}
