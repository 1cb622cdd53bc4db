//! A full rebuild from the topics: Kafka is the truth, and the store can be made anew from it.

use crate::config::ProcessorSettings;
use anyhow::Context as _;
use store::Store;

/// Empties the store. Processors, running or started later, find that it knows less than the consumer group has
/// committed, and read the topics again from the beginning ([`crate::progress`]).
pub async fn run(settings: &ProcessorSettings) -> anyhow::Result<()> {
    let store = Store::connect(&settings.redis).await.context("redis")?;
    let removed = store.wipe().await.context("redis")?;
    println!("{removed} keys removed: the processors now read the topics again from the beginning");
    Ok(())
}
