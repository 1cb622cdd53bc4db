//! One conversation: reading its log, adding to it.

use crate::script::{COMMIT, LOAD};
use crate::summary::{self, Summary};
use crate::{Error, Store, codec};
use domain::facts::Entry;
use domain::ids::{ConversationKey, Digest};
use redis::{Value, from_redis_value};

/// A conversation at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub summary: Summary,
    /// From the asked position on. Empty when that position is at or beyond the end of the log.
    pub entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    Done {
        /// Of the version that was written: what the next one builds on.
        token: u64,
    },
    /// Something else is stored than what this builds on: nothing was changed. When the stored version is higher, load
    /// from the known length of the log on and apply again. Else the store has lost what this builds on, even if the
    /// number is the same: load the whole log.
    Conflict {
        /// What is stored, 0 for nothing.
        version: u64,
    },
}

impl Store {
    /// The conversation with its log from position `from_entry` on, both of one moment; `None` when unknown.
    pub async fn load(
        &self,
        key: &ConversationKey,
        from_entry: u64,
    ) -> Result<Option<Snapshot>, Error> {
        self.load_digest(&key.digest(), from_entry).await
    }

    /// The same by [`ConversationKey::digest`].
    #[tracing::instrument(skip_all, fields(otel.kind = "client", db.system.name = "redis"))]
    pub async fn load_digest(
        &self,
        digest: &Digest,
        from_entry: u64,
    ) -> Result<Option<Snapshot>, Error> {
        let (summary_key, log_key) = (self.keys.summary(digest), self.keys.log(digest));
        let mut call = LOAD.call();
        call.key(summary_key.clone());
        call.key(log_key.clone());
        call.arg(from_entry);
        let (summary, log): (Value, Vec<Vec<u8>>) = self.connection.call(&call).await?;
        let Some(summary) = summary::decode(summary, &summary_key)? else {
            return Ok(None);
        };
        if log.len() as u64 != summary.entries.saturating_sub(from_entry) {
            let what = format!(
                "the log has {} entries from {from_entry} on, the summary counts {}",
                log.len(),
                summary.entries
            );
            return Err(Error::corrupt(log_key, what));
        }
        let entries = log
            .iter()
            .map(|stored| codec::decode(stored, &log_key))
            .collect::<Result<_, _>>()?;
        Ok(Some(Snapshot { summary, entries }))
    }

    /// Writes the summary, and the entry if there is one, when the stored version is `summary.version - 1` with the token
    /// `summary.token`, where an unknown conversation has version 0 and token 0. `summary.entries` counts the new entry.
    /// Starts the retention anew.
    #[tracing::instrument(skip_all, fields(otel.kind = "client", db.system.name = "redis", conversation = %summary.key))]
    pub async fn commit(&self, summary: &Summary, entry: Option<&Entry>) -> Result<Commit, Error> {
        let digest = summary.key.digest();
        let (summary_key, log_key) = (self.keys.summary(&digest), self.keys.log(&digest));
        let mut call = COMMIT.call();
        call.key(summary_key);
        call.key(log_key.clone());
        let summary_bytes = summary::encode(summary)?;
        let entry_bytes = entry.map(codec::encode).transpose()?;
        let token = token_after(
            summary.token,
            summary.version,
            &summary_bytes,
            entry_bytes.as_deref(),
        );
        call.arg(summary.version)
            .arg(summary.entries)
            .arg(summary_bytes)
            .arg(self.config.retention_ms)
            .arg(summary.token)
            .arg(token);
        if let Some(entry) = entry_bytes {
            call.arg(entry);
        }
        let answer: Value = self.connection.call(&call).await?;
        match from_redis_value::<(String, u64)>(answer)? {
            (status, _) if status == "done" => Ok(Commit::Done { token }),
            (status, version) if status == "conflict" => Ok(Commit::Conflict { version }),
            (_, length) => {
                let what = format!(
                    "the log would have {length} entries, the summary counts {}",
                    summary.entries
                );
                Err(Error::corrupt(log_key, what))
            }
        }
    }

    /// Deletes a conversation, such as one that cannot be read. Lists forget it when they next meet it.
    pub async fn remove(&self, key: &ConversationKey) -> Result<(), Error> {
        let digest = key.digest();
        let mut command = redis::cmd("UNLINK");
        command
            .arg(self.keys.summary(&digest))
            .arg(self.keys.log(&digest));
        self.connection.query::<Value>(&command).await?;
        Ok(())
    }
}

/// The token of what a commit writes: a digest of what it builds on and what it adds, never 0.
///
/// Version numbers alone do not tell writers apart when Redis has lost its last writes: another may have given the
/// number to something else since, and whoever still holds what was lost would build on that.
pub(crate) fn token_after(
    token: u64,
    version: u64,
    summary_bytes: &[u8],
    entry_bytes: Option<&[u8]>,
) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&token.to_le_bytes());
    hasher.update(&version.to_le_bytes());
    // With its length, so that no byte can move from one part to the other.
    hasher.update(&(summary_bytes.len() as u64).to_le_bytes());
    hasher.update(summary_bytes);
    hasher.update(entry_bytes.unwrap_or_default());
    let mut first = [0; 8];
    hasher.finalize_xof().fill(&mut first);
    u64::from_le_bytes(first).max(1)
}
