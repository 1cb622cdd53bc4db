//! Whether the store is still in an epoch, asked once for all that want to know at the same time.

use store::{Epoch, Error, Store};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Closing a thousand conversations asks a few times only: an answer counts for whoever asked before it was looked for.
#[derive(Debug)]
pub struct Verified {
    store: Store,
    group: String,
    last: Mutex<Option<Answer>>,
}

#[derive(Clone, Debug)]
struct Answer {
    epoch: Epoch,
    asked: Instant,
    is_current: bool,
}

impl Verified {
    pub fn new(store: Store, group: String) -> Self {
        Self {
            store,
            group,
            last: Mutex::new(None),
        }
    }

    /// Whether the store is in this epoch now.
    pub async fn is_current(&self, epoch: &Epoch) -> Result<bool, Error> {
        let wanted = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(answer) = &*last
            && answer.asked >= wanted
            && answer.epoch == *epoch
        {
            return Ok(answer.is_current);
        }
        let asked = Instant::now();
        let is_current = self.store.is_current(&self.group, epoch).await?;
        *last = Some(Answer {
            epoch: epoch.clone(),
            asked,
            is_current,
        });
        Ok(is_current)
    }
}
