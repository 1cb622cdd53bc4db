//! The processor: reads span topics from Kafka and keeps conversations in Redis.

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use processor::config::ProcessorSettings;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Parser)]
#[command(name = "processor", version, about)]
struct Arguments {
    /// The configuration file.
    #[arg(long, global = true, env = "COLLOQUY_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads spans until told to stop.
    Run,
    /// Empties the store; the processors then fill it again from the beginning of the topics.
    Rebuild {
        /// Confirms that everything in the store may be deleted.
        #[arg(long)]
        yes: bool,
    },
    /// Checks or prints the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Exits with 0 if the running processor is ready.
    Healthcheck,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Says whether the configuration can be used.
    Check,
    /// Prints the effective configuration and where each value comes from; secrets are redacted.
    Print,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("processor: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let loaded = runtime::config::load::<ProcessorSettings>(arguments.config.as_deref())?;
    loaded
        .warnings
        .iter()
        .for_each(|warning| eprintln!("processor: {warning}"));
    let tokio = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
    match arguments.command {
        Command::Run => tokio.block_on(processor::service::run(loaded.config)),
        Command::Rebuild { yes } => {
            anyhow::ensure!(
                yes,
                "rebuild deletes everything in the store: say --yes to go on"
            );
            tokio
                .block_on(processor::rebuild::run(&loaded.config))
                .map(|()| ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Check) => {
            println!("the configuration can be used");
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Print) => {
            print!("{}", loaded.print()?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Healthcheck => {
            let bind = loaded.config.processor.probes_bind;
            tokio
                .block_on(runtime::healthcheck::check(bind, Duration::from_secs(5)))
                .map(|()| ExitCode::SUCCESS)
        }
    }
}
