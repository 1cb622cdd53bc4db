//! The intake as a service with a command line.

use clap::Subcommand;
use runtime::cli::Configured;
use runtime::metrics::Definition;
use runtime::service::{Common, Process, Service};

use crate::config::Config;
use crate::keys::NewKey;
use crate::server;

#[derive(Debug)]
pub struct Intake;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Keys of clients.
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
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

impl Service for Intake {
    type Config = Config;
    type Own = Command;
    const NAME: &'static str = "intake";
    const ABOUT: &'static str =
        "Takes OTLP and Sentry envelopes from SDKs and puts them into Kafka";
    const METRICS: &'static [Definition] = crate::metrics::DEFINITIONS;

    fn common(config: &Config) -> Common<'_> {
        Common {
            log: &config.log,
            traces: &config.traces,
            probes_bind: config.intake.probes_bind,
            grace_ms: config.intake.grace_ms,
        }
    }

    async fn serve(config: Config, process: Process) -> anyhow::Result<()> {
        server::run(config, process).await
    }

    #[expect(clippy::print_stdout, reason = "what the command was asked for")]
    fn own(command: Command, _: &Configured) -> anyhow::Result<()> {
        let Command::Key(KeyCommand::New {
            name,
            project,
            project_id,
        }) = command;
        let new = NewKey::generate(name, project, project_id)?;
        let public_key = new.config.public_key.as_deref().unwrap_or_default();
        println!("Token for OTLP, shown only now: {}", new.token.expose());
        println!("DSN for Sentry SDKs: http://{public_key}@HOST:4318/{project_id}");
        println!("Entry for intake.keys: {}", new.config_line());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_commands_are_well_formed() {
        runtime::cli::assert_well_formed::<super::Intake>();
    }
}
