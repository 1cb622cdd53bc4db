//! Asks the store what the books want to know, one question after the other, and answers them.

use crate::books::{Answer, Ask};
use crate::shards::retry::StoreHealth;
use std::sync::Arc;
use store::{Error, Store};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// The books ask one question at a time, so neither channel holds more than one.
#[derive(Debug)]
pub struct Recorder {
    pub store: Store,
    pub group: String,
    pub health: Arc<StoreHealth>,
    pub asks: UnboundedReceiver<Ask>,
    pub answers: UnboundedSender<Answer>,
}

impl Recorder {
    /// Works until the books ask no more.
    pub async fn run(mut self) -> anyhow::Result<()> {
        while let Some(ask) = self.asks.recv().await {
            let answer = match self.ask(&ask).await {
                Ok(answer) => {
                    self.health.answered();
                    answer
                }
                Err(cause) => {
                    self.health.failed("progress", &cause);
                    Answer::Failed
                }
            };
            // The pipeline is gone only when the process is stopping.
            let _ = self.answers.send(answer);
        }
        Ok(())
    }

    async fn ask(&self, ask: &Ask) -> Result<Answer, Error> {
        let (store, group) = (&self.store, self.group.as_str());
        Ok(match ask {
            Ask::Look => Answer::Looked(store.look(group).await?),
            Ask::BeginEpoch { found, partitions } => {
                store.begin_epoch(group, found, partitions).await?;
                Answer::EpochBegun
            }
            Ask::Claim {
                epoch,
                owner,
                partitions,
            } => Answer::Claimed(store.claim(group, epoch, owner, partitions).await?),
            Ask::Save {
                epoch,
                owner,
                partitions,
            } => Answer::Saved(store.save(group, epoch, owner, partitions).await?),
        })
    }
}
