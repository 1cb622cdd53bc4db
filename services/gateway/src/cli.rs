//! The gateway as a service with a command line.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Subcommand;
use runtime::cli::{Configured, Service};
use runtime::metrics::Definition;
use runtime::telemetry::{LogConfig, Metrics};
use runtime::traces::TracesConfig;

use crate::auth::EVERY_PROJECT;
use crate::config::Config;
use crate::{graphql, server, token};

#[derive(Debug)]
pub struct Gateway;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the GraphQL schema.
    Schema,
    /// Tokens of clients.
    #[command(subcommand)]
    Token(TokenCommand),
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
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

impl Service for Gateway {
    type Config = Config;
    type Own = Command;
    const NAME: &'static str = "gateway";
    const ABOUT: &'static str =
        "Conversations of AI agents over GraphQL, and the page that shows them";
    const METRICS: &'static [Definition] = crate::metrics::DEFINITIONS;

    fn log(config: &Config) -> &LogConfig {
        &config.log
    }

    fn traces(config: &Config) -> &TracesConfig {
        &config.traces
    }

    fn probes_bind(config: &Config) -> SocketAddr {
        config.gateway.probes_bind
    }

    async fn run(config: Config, metrics: Metrics) -> anyhow::Result<ExitCode> {
        Ok(server::run(config, metrics).await)
    }

    fn own(command: Command, _: &Configured) -> anyhow::Result<()> {
        match command {
            Command::Schema => {
                print!("{}", graphql::sdl());
                Ok(())
            }
            Command::Token(TokenCommand::New { name, projects }) => new_token(&name, projects),
        }
    }
}

fn new_token(name: &str, mut projects: Vec<String>) -> anyhow::Result<()> {
    if projects.is_empty() {
        projects.push(EVERY_PROJECT.to_owned());
    }
    let token = runtime::token::generate(token::PREFIX)?;
    println!("Token, shown only now: {token}");
    println!(
        "Entry for gateway.tokens: {}",
        token::config_line(name, &token, &projects)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_commands_are_well_formed() {
        runtime::cli::assert_well_formed::<super::Gateway>();
    }
}
