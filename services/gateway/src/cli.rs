//! The gateway as a service with a command line.

use clap::Subcommand;
use runtime::cli::Configured;
use runtime::metrics::Definition;
use runtime::service::{Common, Process, Service};

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

    fn common(config: &Config) -> Common<'_> {
        Common {
            log: &config.log,
            traces: &config.traces,
            probes_bind: config.gateway.probes_bind,
            grace_ms: config.gateway.grace_ms,
        }
    }

    async fn serve(config: Config, process: Process) -> anyhow::Result<()> {
        server::run(config, process).await
    }

    #[expect(clippy::print_stdout, reason = "what the command was asked for")]
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

#[expect(clippy::print_stdout, reason = "what the command was asked for")]
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
