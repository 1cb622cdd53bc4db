//! The processor as a service with a command line.

use crate::config::ProcessorSettings;
use crate::out::dead_letters::record;
use crate::{rebuild, service};
use clap::Subcommand;
use runtime::cli::{Configured, Service};
use runtime::metrics::Definition;
use runtime::telemetry::{LogConfig, Metrics};
use runtime::traces::TracesConfig;
use std::net::SocketAddr;
use std::process::ExitCode;

#[derive(Debug)]
pub struct Processor;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Empty the store; the processors then fill it again from the beginning of the topics.
    Rebuild {
        /// Confirms that everything in the store may be deleted.
        #[arg(long)]
        yes: bool,
    },
    /// Let partitions go on that are paused because too many of their records cannot be read; without any, list them.
    Resume {
        /// As `topic/partition`.
        partitions: Vec<String>,
        /// All that are paused.
        #[arg(long, conflicts_with = "partitions")]
        all: bool,
    },
}

impl Service for Processor {
    type Config = ProcessorSettings;
    type Own = Command;
    const NAME: &'static str = "processor";
    const ABOUT: &'static str = "Reads span topics from Kafka and keeps conversations in Redis";
    const METRICS: &'static [Definition] = crate::metrics::DEFINITIONS;

    fn log(config: &ProcessorSettings) -> &LogConfig {
        &config.log
    }

    fn traces(config: &ProcessorSettings) -> &TracesConfig {
        &config.traces
    }

    fn probes_bind(config: &ProcessorSettings) -> SocketAddr {
        config.processor.probes_bind
    }

    async fn run(config: ProcessorSettings, metrics: Metrics) -> anyhow::Result<ExitCode> {
        service::run(config, metrics).await
    }

    fn own(command: Command, configured: &Configured) -> anyhow::Result<()> {
        if let Command::Rebuild { yes } = command {
            anyhow::ensure!(
                yes,
                "rebuild deletes everything in the store: say --yes to go on"
            );
        }
        let settings = configured.load::<ProcessorSettings>()?.config;
        let runtime = runtime::cli::runtime(Self::NAME)?;
        match command {
            Command::Rebuild { .. } => runtime.block_on(rebuild::run(&settings)),
            Command::Resume { partitions, all } => {
                runtime.block_on(record::resume(&settings, &partitions, all))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_commands_are_well_formed() {
        runtime::cli::assert_well_formed::<super::Processor>();
    }
}
