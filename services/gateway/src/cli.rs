//! The commands of the binary.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use runtime::config::{Loaded, load};
use runtime::{healthcheck, telemetry};
use tracing::warn;

use crate::auth::EVERY_PROJECT;
use crate::config::Config;
use crate::{graphql, server, token};

const HEALTHCHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// What a supervisor should not try again: the configuration cannot be used.
const EXIT_CONFIG: u8 = 64;

/// Conversations of AI agents over GraphQL.
#[derive(Debug, Parser)]
#[command(name = "gateway", version, about)]
struct Cli {
    /// The configuration file. Environment variables such as COLLOQUY_GATEWAY__BIND go over it.
    #[arg(long, env = "COLLOQUY_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM, SIGINT or SIGHUP.
    Run,
    /// Check the configuration, or show it.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask the running gateway whether it is ready.
    Healthcheck,
    /// Print the GraphQL schema.
    Schema,
    /// Tokens of clients.
    #[command(subcommand)]
    Token(TokenCommand),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Report every problem, or none.
    Check,
    /// Print the effective configuration with the source of each value, without secrets.
    Print,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Print a new token, and the entry for gateway.tokens that lets it in.
    New {
        /// Shown in logs.
        #[arg(long)]
        name: String,
        /// A project that the token may see; may be repeated. All, when none is named.
        #[arg(long = "project")]
        projects: Vec<String>,
    },
}

/// Parses the arguments and does what they say.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Schema => {
            print!("{}", graphql::sdl());
            Ok(ExitCode::SUCCESS)
        }
        Command::Token(TokenCommand::New { name, projects }) => new_token(&name, projects),
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
            let metrics =
                telemetry::init(&loaded.config.log, "gateway", env!("CARGO_PKG_VERSION"))?;
            loaded
                .warnings
                .iter()
                .for_each(|warning| warn!("{warning}"));
            Ok(runtime()?.block_on(server::run(loaded.config, metrics)))
        }
        Command::Healthcheck => {
            let bind = loaded.config.gateway.probes_bind;
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
        // Those need no configuration, and were done before.
        Command::Schema | Command::Token(_) => Ok(ExitCode::SUCCESS),
    }
}

fn new_token(name: &str, mut projects: Vec<String>) -> anyhow::Result<ExitCode> {
    if projects.is_empty() {
        projects.push(EVERY_PROJECT.to_owned());
    }
    let token = runtime::token::generate(token::PREFIX)?;
    println!("Token, shown only now: {token}");
    println!(
        "Entry for gateway.tokens: {}",
        token::config_line(name, &token, &projects)
    );
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("gateway")
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
