//! The rows of the list as they were last handed out, so that a row's former state need not be computed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::ids::Digest;
use rustc_hash::FxHashMap;
use store::Summary;
use tokio::time::Instant;

use super::feed::{Before, RowChange};

/// Summaries kept, some 5 KB each.
const KNOWN_ROWS_MAX: usize = 5_000;
/// Rows that are looked for at once because they should have expired.
const EXPIRED_MAX: usize = 1_000;
/// An expired conversation is looked for this long after it should have gone.
const EXPIRY_MARGIN: Duration = Duration::from_secs(1);

/// Those that changed longest ago first to go.
#[derive(Debug, Default)]
pub(super) struct KnownRows {
    rows: FxHashMap<Digest, Row>,
    by_expiry: BTreeSet<(Instant, Digest)>,
}

#[derive(Debug)]
struct Row {
    summary: Arc<Summary>,
    expiry: Instant,
}

impl KnownRows {
    /// Takes in what was read; `None` when nothing changed.
    pub(super) fn update(
        &mut self,
        digest: Digest,
        version: u64,
        now: Option<Arc<Summary>>,
        retention: Duration,
    ) -> Option<RowChange> {
        let before = self.remove(&digest);
        let is_same = match (&before, &now) {
            // Some commits only note what was published.
            (Some(before), Some(now)) => {
                before.windows == now.windows && before.totals == now.totals
            }
            (None, None) => true,
            _ => false,
        };
        if let Some(now) = &now {
            self.insert(digest, now.clone(), retention);
        }
        let before = match before {
            Some(row) => Before::Row(row),
            None if version <= 1 => Before::New,
            None => Before::BeforeVersion(version),
        };
        (!is_same).then_some(RowChange {
            digest,
            before,
            now,
        })
    }

    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.rows.keys()
    }

    fn insert(&mut self, digest: Digest, summary: Arc<Summary>, retention: Duration) {
        let expiry = Instant::now() + retention + EXPIRY_MARGIN;
        self.rows.insert(digest, Row { summary, expiry });
        self.by_expiry.insert((expiry, digest));
        if self.rows.len() > KNOWN_ROWS_MAX
            && let Some((_, oldest)) = self.by_expiry.pop_first()
        {
            self.rows.remove(&oldest);
        }
    }

    fn remove(&mut self, digest: &Digest) -> Option<Arc<Summary>> {
        let row = self.rows.remove(digest)?;
        self.by_expiry.remove(&(row.expiry, *digest));
        Some(row.summary)
    }

    /// Rows that should have expired by now.
    pub(super) fn due(&self, now: Instant) -> Vec<Digest> {
        self.by_expiry
            .iter()
            .take_while(|(expiry, _)| *expiry <= now)
            .take(EXPIRED_MAX)
            .map(|(_, digest)| *digest)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::ConversationKey;

    const DAY: Duration = Duration::from_secs(86_400);

    fn summary(id: usize, version: u64) -> Arc<Summary> {
        Arc::new(Summary {
            key: ConversationKey {
                project: "p".to_owned(),
                id: id.to_string(),
            },
            version,
            token: 0,
            entries: version,
            windows: Default::default(),
            totals: domain::view::Totals {
                spans: version as u32,
                ..Default::default()
            },
            published_revision: 0,
        })
    }

    fn digest(id: usize) -> Digest {
        summary(id, 1).key.digest()
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_is_new_then_known_then_gone() {
        let mut known = KnownRows::default();
        let first = known.update(digest(1), 1, Some(summary(1, 2)), DAY);
        assert!(matches!(first.expect("is a change").before, Before::New));
        assert!(
            known
                .update(digest(1), 2, Some(summary(1, 2)), DAY)
                .is_none(),
            "nothing new"
        );
        let second = known.update(digest(1), 3, Some(summary(1, 3)), DAY);
        assert!(
            matches!(second.expect("is a change").before, Before::Row(row) if row.version == 2)
        );
        let gone = known
            .update(digest(1), u64::MAX, None, DAY)
            .expect("is a change");
        assert!(gone.now.is_none() && matches!(gone.before, Before::Row(_)));
        assert!(known.rows.is_empty() && known.by_expiry.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_met_for_the_first_time_in_the_middle_of_its_life_was_there_before() {
        let mut known = KnownRows::default();
        let change = known.update(digest(1), 7, Some(summary(1, 8)), DAY);
        assert!(matches!(
            change.expect("is a change").before,
            Before::BeforeVersion(7)
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn rows_are_looked_at_when_they_should_have_expired_and_the_oldest_make_room() {
        let mut known = KnownRows::default();
        known.update(digest(0), 1, Some(summary(0, 1)), DAY);
        assert!(known.due(Instant::now()).is_empty());
        assert_eq!(known.due(Instant::now() + 2 * DAY), [digest(0)]);
        for id in 1..=KNOWN_ROWS_MAX {
            tokio::time::advance(Duration::from_millis(1)).await;
            known.update(digest(id), 1, Some(summary(id, 1)), DAY);
        }
        assert_eq!(known.rows.len(), KNOWN_ROWS_MAX);
        assert!(!known.rows.contains_key(&digest(0)));
    }
}
