//! Puts conversations into Kafka: recorded ones, scripted ones, or a load of made-up ones.

use clap::Parser;

#[derive(Debug, Parser)]
#[command(version, about)]
enum Command {
    /// Create the system's topics where they do not exist
    Topics {
        #[arg(long, default_value = "127.0.0.1:9092", env = "KAFKA_BROKERS")]
        brokers: String,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Topics { brokers } => {
            let topics = harness::topics::Topics::default();
            topics.create(&brokers, harness::topics::PARTITIONS).await?;
            println!(
                "topics: {}, {}, {}",
                topics.inputs().join(", "),
                topics.conversations,
                topics.dead_letters
            );
            Ok(())
        }
    }
}
