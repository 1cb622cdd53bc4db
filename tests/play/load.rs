//! `play load`: as many spans as asked, at the rate asked, into Kafka or into an intake.

use anyhow::{anyhow, ensure};
use clap::Args;
use harness::intake;
use harness::record::{Producer, Record};
use harness::topics::Topics;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Records handed to the client at once. Larger batches are sent faster, smaller ones keep the rate smoother.
const BATCH_RECORDS: usize = 200;
/// Records in one export to the intake: some 250 spans, half of what exporters send at most.
const EXPORT_RECORDS: usize = 100;

#[derive(Args, Debug)]
pub(crate) struct Load {
    /// Distinct spans to send, rounded up to whole turns
    #[arg(long, default_value_t = 10_000)]
    spans: u64,
    #[arg(long, default_value_t = 500)]
    conversations: usize,
    /// Spans a second; 0 for as fast as they are taken
    #[arg(long, default_value_t = 0)]
    rate: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Address of an intake, such as http://127.0.0.1:4318, to send OTLP/HTTP to instead of writing to Kafka
    #[arg(long)]
    intake: Option<String>,
    /// Exports on their way to the intake at once
    #[arg(long, default_value_t = 8)]
    exporters: usize,
}

impl Load {
    pub(crate) async fn play(&self, producer: &Producer, topics: &Topics) -> anyhow::Result<()> {
        ensure!(self.conversations > 0, "--conversations must be at least 1");
        ensure!(self.exporters > 0, "--exporters must be at least 1");
        let mut load = harness::load::Load::new(&topics.spans, self.conversations, self.seed);
        let start = Instant::now();
        let (mut bytes, mut latencies) = (0, Latencies::default());
        let mut exports = JoinSet::new();
        let client = reqwest::Client::new();
        let batch_records = match self.intake {
            Some(_) => EXPORT_RECORDS,
            None => BATCH_RECORDS,
        };
        while load.spans() < self.spans {
            let batch: Vec<_> = load.by_ref().take(batch_records).collect();
            bytes += batch
                .iter()
                .map(|record| record.payload.len())
                .sum::<usize>();
            match &self.intake {
                Some(address) => {
                    if exports.len() == self.exporters
                        && let Some(done) = exports.join_next().await
                    {
                        latencies.0.push(done??);
                    }
                    exports.spawn(timed_export(client.clone(), address.clone(), batch));
                }
                None => producer.send(batch).await?,
            }
            if let Some(due_ms) = (load.spans() * 1_000).checked_div(self.rate) {
                tokio::time::sleep(Duration::from_millis(due_ms).saturating_sub(start.elapsed()))
                    .await;
            }
        }
        while let Some(done) = exports.join_next().await {
            latencies.0.push(done??);
        }
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "sent {} spans ({} bytes each on average) in {seconds:.1} s: {:.0} spans/s",
            load.spans(),
            bytes as u64 / load.spans().max(1),
            load.spans() as f64 / seconds,
        );
        latencies.print();
        Ok(())
    }
}

/// Sends an export, and takes any answer but full success for an error. Says how long the answer took.
async fn timed_export(
    client: reqwest::Client,
    endpoint: String,
    records: Vec<Record>,
) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let outcome = intake::export(&client, &endpoint, &records).await?;
    outcome.map_err(|answer| anyhow!("the intake answered {answer}"))?;
    Ok(begin.elapsed())
}

#[derive(Default)]
struct Latencies(Vec<Duration>);

impl Latencies {
    fn print(mut self) {
        self.0.sort_unstable();
        let Some(last) = self.0.len().checked_sub(1) else {
            return;
        };
        let [half, most, all] = [last / 2, last * 99 / 100, last].map(|at| self.0[at].as_millis());
        println!(
            "{} exports, all acknowledged: half within {half} ms, 99 % within {most} ms, all within {all} ms",
            last + 1
        );
    }
}
