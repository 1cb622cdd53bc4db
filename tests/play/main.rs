//! Puts conversations into Kafka: recorded ones, scripted ones, or a load of made-up ones.

#![expect(
    clippy::print_stdout,
    reason = "a program that tells whoever started it"
)]

mod load;

use clap::{Args, Parser, Subcommand};
use harness::record::Producer;
use harness::topics::{PARTITIONS, Topics};
use harness::{captured, clock, demo};
use std::time::Duration;

#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    target: Target,
}

#[derive(Args, Debug)]
struct Target {
    /// Kafka's addresses, separated by commas
    #[arg(
        long,
        global = true,
        default_value = "127.0.0.1:9092",
        env = "KAFKA_BROKERS"
    )]
    brokers: String,
    /// Stands before the name of every topic
    #[arg(long, global = true, default_value = "")]
    topic_prefix: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create the system's topics where they do not exist
    Topics,
    /// Send the recorded exports of every SDK, each as a conversation of its own that ends now
    Captured {
        /// Send the times as recorded
        #[arg(long)]
        keep_times: bool,
        /// Milliseconds between two exports
        #[arg(long, default_value_t = 5)]
        pause_ms: u64,
    },
    /// Play scripted conversations in real time, about half a minute
    Demo,
    /// Send made-up conversations, the same for the same seed
    Load(load::Load),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { command, target } = Arguments::parse();
    let topics = Topics::with_prefix(&target.topic_prefix);
    let producer = Producer::new(&target.brokers)?;
    match command {
        Command::Topics => topics.create(&target.brokers, PARTITIONS).await,
        Command::Captured {
            keep_times,
            pause_ms,
        } => play_captured(&producer, &topics, keep_times, pause_ms).await,
        Command::Demo => {
            let run = clock::now_ns() / 1_000_000_000;
            demo::play(&producer, &topics, run).await
        }
        Command::Load(load) => load.play(&producer, &topics).await,
    }
}

async fn play_captured(
    producer: &Producer,
    topics: &Topics,
    keep_times: bool,
    pause_ms: u64,
) -> anyhow::Result<()> {
    let now_ns = i64::try_from(clock::now_ns())?;
    let (mut conversations, mut records) = (0, 0);
    for mut capture in captured::all()? {
        if !keep_times {
            capture.end_at(now_ns);
        }
        for export in capture.exports(topics) {
            records += export.len();
            producer.send(export).await?;
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
        conversations += usize::from(capture.has_id());
    }
    println!(
        "sent {records} records of {conversations} conversations (and of SDKs that give no conversation id)"
    );
    Ok(())
}
