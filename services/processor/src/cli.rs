//! The processor as a service with a command line.

use crate::config::ProcessorSettings;
use crate::out::dead_letters::record;
use crate::service;
use crate::upkeep::rebuild;
use clap::Subcommand;
use runtime::cli::Configured;
use runtime::metrics::Definition;
use runtime::service::{Common, Process, Service};
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

    fn common(config: &ProcessorSettings) -> Common<'_> {
        Common {
            log: &config.log,
            traces: &config.traces,
            probes_bind: config.processor.probes_bind,
            grace_ms: config.processor.stop_grace_ms,
        }
    }

    async fn serve(config: ProcessorSettings, process: Process) -> anyhow::Result<()> {
        service::run(config, process).await
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
