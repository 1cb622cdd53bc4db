//! `play load`: as many spans as asked, at the rate asked.

use clap::Args;
use harness::record::Producer;
use harness::topics::Topics;
use std::time::{Duration, Instant};

/// Records handed to the client at once. Larger batches are sent faster, smaller ones keep the rate smoother.
const BATCH_RECORDS: usize = 200;

#[derive(Args, Debug)]
pub(crate) struct Load {
    /// Distinct spans to send, rounded up to whole turns
    #[arg(long, default_value_t = 10_000)]
    spans: u64,
    #[arg(long, default_value_t = 500)]
    conversations: usize,
    /// Spans a second; 0 for as fast as Kafka takes them
    #[arg(long, default_value_t = 0)]
    rate: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Load {
    pub(crate) async fn play(&self, producer: &Producer, topics: &Topics) -> anyhow::Result<()> {
        anyhow::ensure!(self.conversations > 0, "--conversations must be at least 1");
        let mut load = harness::load::Load::new(&topics.spans, self.conversations, self.seed);
        let start = Instant::now();
        let mut bytes = 0;
        while load.spans() < self.spans {
            let batch: Vec<_> = load.by_ref().take(BATCH_RECORDS).collect();
            bytes += batch
                .iter()
                .map(|record| record.payload.len())
                .sum::<usize>();
            producer.send(batch).await?;
            if let Some(due_ms) = (load.spans() * 1_000).checked_div(self.rate) {
                tokio::time::sleep(Duration::from_millis(due_ms).saturating_sub(start.elapsed()))
                    .await;
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "sent {} spans ({} bytes each on average) in {seconds:.1} s: {:.0} spans/s",
            load.spans(),
            bytes as u64 / load.spans().max(1),
            load.spans() as f64 / seconds,
        );
        Ok(())
    }
}
