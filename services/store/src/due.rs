//! Which conversations have something to do as time passes (a window to close, a revision to publish), and which traces
//! (spans that nothing names).
//!
//! Each index is a hint that may be early and is never late. Writers only ever move an entry forward; whoever reads an
//! entry checks it against what it stands for and corrects it, and looks again after correcting, so that a commit that
//! came in between is not lost. The time of a conversation's entry is the last record of its oldest open window,
//! without the gap, so that the index stays right when the gap is configured anew; a revision to publish stands before all
//! windows, so that each kind is found however many there are of the other.
//!
//! In a cluster the index stands on another primary than most conversations. One that falls back to before its window
//! closed would miss its entry, which was corrected for what is lost now, and nobody might ever write it again. So a
//! correction is noted in the same step, and looked at again when what it was made for can be lost no more.

use crate::index::{IndexUpdate, digest_of};
use crate::script::{CONFIRM_DUE, SETTLE_DUE, SETTLED};
use crate::summary::{Found, Summary, UNPUBLISHED_MS};
use crate::traces::TraceHead;
use crate::{Error, Store};
use domain::ids::{ConversationKey, Digest, TraceKey};
use redis::{Cmd, Value};
use std::ops::RangeInclusive;

/// Entries checked in one round: enough to get past many wrong ones, few enough to read for nothing.
const CHECKED_PER_ROUND_MIN: usize = 64;
const CHECKED_PER_ROUND_MAX: usize = 256;
/// Rounds of one call; wrong entries found in them are corrected, so the next call gets further.
const ROUNDS_MAX: usize = 16;

/// After so long nothing that an entry was corrected for can be lost: longer than any last moment that a primary loses.
const SETTLED_MS: u64 = 60_000;

/// What stands in an index of what is due.
trait Due: Sized {
    /// When, as records go; `None` when there is nothing to do.
    fn entry_ms(&self) -> Option<i64>;

    /// In the order of the digests.
    fn read(
        store: &Store,
        digests: &[Digest],
    ) -> impl Future<Output = Result<Vec<Found<Self>>, Error>> + Send;
}

impl Due for Summary {
    fn entry_ms(&self) -> Option<i64> {
        self.due_at_ms(0)
    }

    async fn read(store: &Store, digests: &[Digest]) -> Result<Vec<Found<Self>>, Error> {
        store.find(digests).await
    }
}

impl Due for TraceHead {
    fn entry_ms(&self) -> Option<i64> {
        self.due_ms
    }

    async fn read(store: &Store, digests: &[Digest]) -> Result<Vec<Found<Self>>, Error> {
        store.find_traces(digests).await
    }
}

impl Store {
    pub(crate) fn due_command(&self, updates: &[IndexUpdate]) -> Option<Cmd> {
        let entries = updates
            .iter()
            .filter_map(|update| Some((update.summary.key.digest(), update.summary.entry_ms()?)));
        forward(self.keys.due(), entries)
    }

    /// Conversations with a window that closes at or before the watermark when windows close after `gap_ms` of silence, and
    /// all revisions of which are published. At most `limit`, those that have waited longest first.
    pub async fn due(
        &self,
        watermark_ms: i64,
        gap_ms: i64,
        limit: usize,
    ) -> Result<Vec<ConversationKey>, Error> {
        let latest_ms = watermark_ms.saturating_sub(gap_ms);
        let times_ms = UNPUBLISHED_MS + 1..=latest_ms;
        self.due_conversations(times_ms, limit).await
    }

    /// Conversations with a revision to publish. At most `limit`, in no order.
    pub async fn unpublished(&self, limit: usize) -> Result<Vec<ConversationKey>, Error> {
        self.due_conversations(i64::MIN..=UNPUBLISHED_MS, limit)
            .await
    }

    /// How many revisions wait to be published. Some may be published already.
    pub async fn unpublished_count(&self) -> Result<u64, Error> {
        let mut command = redis::cmd("ZCOUNT");
        command.arg(self.keys.due()).arg("-inf").arg(UNPUBLISHED_MS);
        self.connection.query(&command).await
    }

    async fn due_conversations(
        &self,
        times_ms: RangeInclusive<i64>,
        limit: usize,
    ) -> Result<Vec<ConversationKey>, Error> {
        let index = Index {
            store: self,
            due: self.keys.due(),
            settled: self.keys.settled(),
        };
        let due: Vec<Summary> = index.due(times_ms, limit).await?;
        Ok(due.into_iter().map(|summary| summary.key).collect())
    }

    /// Notes when something is to be decided about traces. May be repeated.
    pub async fn index_traces(&self, heads: &[TraceHead]) -> Result<(), Error> {
        let entries = heads
            .iter()
            .filter_map(|head| Some((head.key.digest(), head.due_ms?)));
        if let Some(command) = forward(self.keys.traces_due(), entries) {
            self.connection.query::<Value>(&command).await?;
        }
        Ok(())
    }

    /// Traces about which something is to be decided at or before the watermark. At most `limit`, as above.
    pub async fn due_traces(
        &self,
        watermark_ms: i64,
        limit: usize,
    ) -> Result<Vec<TraceKey>, Error> {
        let index = Index {
            store: self,
            due: self.keys.traces_due(),
            settled: self.keys.traces_settled(),
        };
        let due: Vec<TraceHead> = index.due(i64::MIN..=watermark_ms, limit).await?;
        Ok(due.into_iter().map(|head| head.key).collect())
    }
}

/// Moves entries forward, if there are any.
fn forward(key: String, entries: impl Iterator<Item = (Digest, i64)>) -> Option<Cmd> {
    let mut command = redis::cmd("ZADD");
    command.arg(key).arg("LT");
    let mut is_needed = false;
    for (digest, entry_ms) in entries {
        command.arg(entry_ms).arg(digest.to_string());
        is_needed = true;
    }
    is_needed.then_some(command)
}

struct Index<'a> {
    store: &'a Store,
    due: String,
    settled: String,
}

impl Index<'_> {
    async fn due<H: Due>(
        &self,
        times_ms: RangeInclusive<i64>,
        limit: usize,
    ) -> Result<Vec<H>, Error> {
        let mut due: Vec<H> = Vec::new();
        let mut unreadable = 0;
        if limit == 0 || times_ms.is_empty() {
            return Ok(due);
        }
        self.confirm_settled::<H>().await?;
        for _ in 0..ROUNDS_MAX {
            let count = (limit - due.len()).clamp(CHECKED_PER_ROUND_MIN, CHECKED_PER_ROUND_MAX);
            // Those found wrong no longer stand among these times, so only the others are passed over: those found right, and
            // those that cannot be read, which are left as they are for a version that can.
            let passed_over = due.len() + unreadable;
            let entries = self.entries(&times_ms, passed_over, count).await?;
            let is_last = entries.len() < count;
            let digests: Vec<Digest> = entries.iter().map(|(digest, _)| *digest).collect();
            let mut wrong = Vec::new();
            for ((digest, seen_ms), head) in entries
                .into_iter()
                .zip(H::read(self.store, &digests).await?)
            {
                let right_ms = match &head {
                    Found::Known(head) => head.entry_ms(),
                    Found::Nothing => None,
                    Found::Unreadable => {
                        unreadable += 1;
                        continue;
                    }
                };
                match head.known() {
                    Some(head) if right_ms.is_some_and(|right_ms| times_ms.contains(&right_ms)) => {
                        due.push(head);
                    }
                    _ => wrong.push((digest, seen_ms, right_ms)),
                }
            }
            self.settle::<H>(&wrong).await?;
            if is_last || due.len() >= limit {
                break;
            }
        }
        due.truncate(limit);
        Ok(due)
    }

    async fn entries(
        &self,
        times_ms: &RangeInclusive<i64>,
        passed_over: usize,
        count: usize,
    ) -> Result<Vec<(Digest, i64)>, Error> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command
            .arg(&self.due)
            .arg(*times_ms.start())
            .arg(*times_ms.end())
            .arg("WITHSCORES")
            .arg("LIMIT")
            .arg(passed_over)
            .arg(count);
        let members: Vec<(String, f64)> = self.store.connection.query(&command).await?;
        members
            .into_iter()
            .map(|(member, score)| Ok((digest_of(&member, &self.due)?, score as i64)))
            .collect()
    }

    /// Corrects entries (digest, time seen, right time), then looks whether a commit that came in between needs them.
    async fn settle<H: Due>(&self, wrong: &[(Digest, i64, Option<i64>)]) -> Result<(), Error> {
        if wrong.is_empty() {
            return Ok(());
        }
        let mut call = SETTLE_DUE.call();
        call.key(self.due.clone());
        call.key(self.settled.clone());
        for (digest, seen_ms, right_ms) in wrong {
            call.arg(digest.to_string())
                .arg(seen_ms)
                .arg(right_ms.map(|ms| ms.to_string()).unwrap_or_default());
        }
        let _: Value = self.store.connection.call(&call).await?;

        let digests: Vec<Digest> = wrong.iter().map(|(digest, ..)| *digest).collect();
        let heads = H::read(self.store, &digests).await?;
        let entries = digests.into_iter().zip(heads);
        let entries =
            entries.filter_map(|(digest, head)| Some((digest, head.known()?.entry_ms()?)));
        if let Some(command) = forward(self.due.clone(), entries) {
            let _: Value = self.store.connection.query(&command).await?;
        }
        Ok(())
    }

    /// Looks again at the entries that were corrected a while ago.
    async fn confirm_settled<H: Due>(&self) -> Result<(), Error> {
        for _ in 0..ROUNDS_MAX {
            let mut call = SETTLED.call();
            call.key(self.settled.clone());
            call.arg(SETTLED_MS).arg(CHECKED_PER_ROUND_MAX);
            let noted: Vec<(String, f64)> = self.store.connection.call(&call).await?;
            if noted.is_empty() {
                return Ok(());
            }
            let is_last = noted.len() < CHECKED_PER_ROUND_MAX;
            let digests: Vec<Digest> = noted
                .iter()
                .map(|(member, _)| digest_of(member, &self.settled))
                .collect::<Result<_, _>>()?;
            let mut call = CONFIRM_DUE.call();
            call.key(self.due.clone());
            call.key(self.settled.clone());
            for ((member, noted_ms), head) in noted.iter().zip(H::read(self.store, &digests).await?)
            {
                let entry_ms = head.known().as_ref().and_then(H::entry_ms);
                call.arg(member)
                    .arg(*noted_ms as i64)
                    .arg(entry_ms.map(|ms| ms.to_string()).unwrap_or_default());
            }
            let _: Value = self.store.connection.call(&call).await?;
            if is_last {
                break;
            }
        }
        Ok(())
    }
}
