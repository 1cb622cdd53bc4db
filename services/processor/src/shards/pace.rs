//! How often a long conversation is written.
//!
//! Writing a conversation costs in proportion to its length, for its totals are those of the whole. So the longer it is,
//! the more of it is folded into one write: a conversation rests for some times as long as its last write took, and its
//! cost over its life stays in proportion to its length. Short ones, whose writes take no time worth naming, never wait.

use super::aside::Waits as _;
use super::batch::Batch;
use domain::ids::{ConversationKey, Digest};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// A write that takes less than this is no cost.
const COST_MIN: Duration = Duration::from_millis(2);
/// How much longer than its write a conversation rests: a tenth of a core at most goes into one conversation.
const REST_PER_COST: u32 = 9;
/// The longest rest, and so the longest that a message of a very long conversation waits.
const REST_MAX: Duration = Duration::from_secs(1);
/// Facts of one conversation that wait at most; beyond it they are written.
const FACTS_MAX: usize = 1_024;

/// Which conversations rest, and the work that waits for them.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    rests_until: Mutex<HashMap<Digest, Instant>>,
    waiting: HashMap<ConversationKey, Batch>,
}

impl Pace {
    /// Notes what a write cost.
    pub(crate) fn wrote(&self, conversation: Digest, cost: Duration) {
        if cost >= COST_MIN {
            let rest = (cost * REST_PER_COST).min(REST_MAX);
            let mut rests = self.rests_until.lock();
            rests.insert(conversation, Instant::now() + rest);
        }
    }

    /// When the first rest with work is over; `None` while nothing waits.
    pub(crate) fn next(&self) -> Option<Instant> {
        let rests = self.rests_until.lock();
        let waiting = self.waiting.keys();
        let ends = waiting.map(|key| rests.get(&key.digest()).copied());
        ends.map(|end| end.unwrap_or_else(Instant::now)).min()
    }

    /// Takes in new work and gives out what may be written now.
    pub(crate) fn due(
        &mut self,
        new: HashMap<ConversationKey, Batch>,
    ) -> HashMap<ConversationKey, Batch> {
        let now = Instant::now();
        let mut rests = self.rests_until.lock();
        rests.retain(|_, until| *until > now);
        if rests.is_empty() && self.waiting.is_empty() {
            return new;
        }
        for (key, batch) in new {
            self.waiting.entry(key).or_default().append(batch);
        }
        let is_due = |key: &ConversationKey, batch: &Batch| {
            batch.shares.facts() >= FACTS_MAX || !rests.contains_key(&key.digest())
        };
        self.waiting
            .extract_if(|key, batch| is_due(key, batch))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(id: &str) -> HashMap<ConversationKey, Batch> {
        HashMap::from([(key(id), Batch::default())])
    }

    fn key(id: &str) -> ConversationKey {
        ConversationKey {
            project: "shop".into(),
            id: id.into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_costly_conversation_rests_and_others_do_not_wait_for_it() {
        let mut pace = Pace::default();
        assert_eq!(pace.due(work("long")).len(), 1);
        pace.wrote(key("long").digest(), Duration::from_millis(20));
        pace.wrote(key("short").digest(), Duration::from_micros(50));
        assert!(pace.due(work("long")).is_empty());
        assert_eq!(pace.due(work("short")).len(), 1);
        let next = pace.next().expect("work waits");
        assert_eq!(next - Instant::now(), Duration::from_millis(180));
        tokio::time::advance(Duration::from_millis(180)).await;
        assert_eq!(pace.due(HashMap::new()).len(), 1);
        assert_eq!(pace.next(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn no_rest_is_longer_than_its_bound() {
        let mut pace = Pace::default();
        pace.wrote(key("long").digest(), Duration::from_secs(5));
        assert!(pace.due(work("long")).is_empty());
        tokio::time::advance(REST_MAX).await;
        assert_eq!(pace.due(HashMap::new()).len(), 1);
    }
}
