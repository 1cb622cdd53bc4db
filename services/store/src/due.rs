//! Which conversations have something to do as time passes: a window to close, a revision to publish.
//!
//! The index is a hint that may be early and is never late. Writers only ever move an entry forward; whoever reads an
//! entry checks it against the conversation and corrects it, and looks again after correcting, so that a commit that
//! came in between is not lost. An entry's time is the last record of the oldest open window, without the gap, so that
//! the index stays right when the gap is configured anew.
//!
//! In a cluster the index stands on another primary than most conversations. One that falls back to before its window
//! closed would miss its entry, which was corrected for what is lost now, and nobody might ever write it again. So a
//! correction is noted in the same step, and looked at again when what it was made for can be lost no more.

use crate::index::{IndexUpdate, digest_of};
use crate::script::{CONFIRM_DUE, SETTLE_DUE, SETTLED};
use crate::summary::Summary;
use crate::{Error, Store};
use domain::ids::{ConversationKey, Digest};
use redis::{Cmd, Value};

/// Entries checked in one round: enough to get past many wrong ones, few enough to read for nothing.
const CHECKED_PER_ROUND_MIN: usize = 64;
const CHECKED_PER_ROUND_MAX: usize = 256;
/// Rounds of one call; wrong entries found in them are corrected, so the next call gets further.
const ROUNDS_MAX: usize = 16;

/// After so long nothing that an entry was corrected for can be lost: longer than any last moment that a primary loses.
const SETTLED_MS: u64 = 60_000;

/// When the entry is due, as records go, without the gap.
fn entry_ms(summary: &Summary) -> Option<i64> {
    summary.due_at_ms(0)
}

impl Store {
    pub(crate) fn due_command(&self, updates: &[IndexUpdate]) -> Option<Cmd> {
        let mut command = redis::cmd("ZADD");
        command.arg(self.keys.due()).arg("LT");
        let mut is_needed = false;
        for update in updates {
            if let Some(entry_ms) = entry_ms(&update.summary) {
                command
                    .arg(entry_ms)
                    .arg(update.summary.key.digest().to_string());
                is_needed = true;
            }
        }
        is_needed.then_some(command)
    }

    /// Conversations with a revision to publish, or with a window that closes at or before the watermark when windows
    /// close after `gap_ms` of silence. At most `limit`, those that have waited longest first.
    pub async fn due(
        &self,
        watermark_ms: i64,
        gap_ms: i64,
        limit: usize,
    ) -> Result<Vec<ConversationKey>, Error> {
        let latest_ms = watermark_ms.saturating_sub(gap_ms).max(0);
        let mut due = Vec::new();
        if limit == 0 {
            return Ok(due);
        }
        self.confirm_settled().await?;
        for _ in 0..ROUNDS_MAX {
            let count = (limit - due.len()).clamp(CHECKED_PER_ROUND_MIN, CHECKED_PER_ROUND_MAX);
            // Those found wrong no longer stand among these times, so only those found right are passed over.
            let entries = self.due_entries(latest_ms, due.len(), count).await?;
            let is_last = entries.len() < count;
            let digests: Vec<Digest> = entries.iter().map(|(digest, _)| *digest).collect();
            let mut wrong = Vec::new();
            for ((digest, seen_ms), summary) in
                entries.into_iter().zip(self.summaries(&digests).await?)
            {
                match summary {
                    Some(summary)
                        if entry_ms(&summary).is_some_and(|entry_ms| entry_ms <= latest_ms) =>
                    {
                        due.push(summary.key)
                    }
                    summary => wrong.push((digest, seen_ms, summary.as_ref().and_then(entry_ms))),
                }
            }
            self.settle_due(&wrong).await?;
            if is_last || due.len() >= limit {
                break;
            }
        }
        due.truncate(limit);
        Ok(due)
    }

    async fn due_entries(
        &self,
        latest_ms: i64,
        passed_over: usize,
        count: usize,
    ) -> Result<Vec<(Digest, i64)>, Error> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command
            .arg(self.keys.due())
            .arg("-inf")
            .arg(latest_ms)
            .arg("WITHSCORES")
            .arg("LIMIT")
            .arg(passed_over)
            .arg(count);
        let members: Vec<(String, f64)> = self.connection.query(&command).await?;
        let list = self.keys.due();
        members
            .into_iter()
            .map(|(member, score)| Ok((digest_of(&member, &list)?, score as i64)))
            .collect()
    }

    /// Corrects entries (digest, time seen, right time), then looks whether a commit that came in between needs them.
    async fn settle_due(&self, wrong: &[(Digest, i64, Option<i64>)]) -> Result<(), Error> {
        if wrong.is_empty() {
            return Ok(());
        }
        let mut call = SETTLE_DUE.call();
        call.key(self.keys.due());
        call.key(self.keys.settled());
        for (digest, seen_ms, right_ms) in wrong {
            call.arg(digest.to_string())
                .arg(seen_ms)
                .arg(right_ms.map(|ms| ms.to_string()).unwrap_or_default());
        }
        let _: Value = self.connection.call(&call).await?;

        let digests: Vec<Digest> = wrong.iter().map(|(digest, ..)| *digest).collect();
        let mut command = redis::cmd("ZADD");
        command.arg(self.keys.due()).arg("LT");
        let mut is_needed = false;
        for (digest, summary) in digests.iter().zip(self.summaries(&digests).await?) {
            if let Some(entry_ms) = summary.as_ref().and_then(entry_ms) {
                command.arg(entry_ms).arg(digest.to_string());
                is_needed = true;
            }
        }
        if is_needed {
            let _: Value = self.connection.query(&command).await?;
        }
        Ok(())
    }

    /// Looks again at the entries that were corrected a while ago.
    async fn confirm_settled(&self) -> Result<(), Error> {
        for _ in 0..ROUNDS_MAX {
            let mut call = SETTLED.call();
            call.key(self.keys.settled());
            call.arg(SETTLED_MS).arg(CHECKED_PER_ROUND_MAX);
            let noted: Vec<(String, f64)> = self.connection.call(&call).await?;
            if noted.is_empty() {
                return Ok(());
            }
            let is_last = noted.len() < CHECKED_PER_ROUND_MAX;
            let list = self.keys.settled();
            let digests: Vec<Digest> = noted
                .iter()
                .map(|(member, _)| digest_of(member, &list))
                .collect::<Result<_, _>>()?;
            let mut call = CONFIRM_DUE.call();
            call.key(self.keys.due());
            call.key(self.keys.settled());
            let summaries = self.summaries(&digests).await?;
            for ((member, noted_ms), summary) in noted.iter().zip(summaries) {
                let entry_ms = summary.as_ref().and_then(entry_ms);
                call.arg(member)
                    .arg(*noted_ms as i64)
                    .arg(entry_ms.map(|ms| ms.to_string()).unwrap_or_default());
            }
            let _: Value = self.connection.call(&call).await?;
            if is_last {
                break;
            }
        }
        Ok(())
    }
}
