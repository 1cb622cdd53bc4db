//! A full rebuild from the topics: Kafka is the truth, and the store can be made anew from it.

use crate::config::ProcessorSettings;
use anyhow::Context as _;
use store::Store;

/// Empties the store. Processors that run find that its epoch is over, those that are started later that it knows less than
/// the consumer group has committed; both read the topics again from the beginning ([`crate::books::ledger`]).
#[expect(clippy::print_stdout, reason = "what the command was asked for")]
pub async fn run(settings: &ProcessorSettings) -> anyhow::Result<()> {
    let store = Store::connect(&settings.redis).await.context("redis")?;
    let removed = store.wipe().await.context("redis")?;
    println!("{removed} keys removed: the processors now read the topics again from the beginning");
    Ok(())
}
