//! What is known of a conversation without reading its log.

use crate::{Error, Remedy, Store, codec};
use domain::ids::{ConversationKey, Digest};
use domain::view::Totals;
use domain::window::Windows;
use redis::{Value, from_redis_value};
use serde::{Deserialize, Serialize};

/// Stands for the time of a revision that waits to be published: before that of any window, so that the index of what is
/// due holds both apart.
pub(crate) const UNPUBLISHED_MS: i64 = 0;

#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub key: ConversationKey,
    /// Counts commits; the first is 1.
    pub version: u64,
    /// Names what this version holds, by everything that led to it: two that have the same number and token are the same.
    /// 0 before the first version, and for what was written before there were tokens. For [`Store::commit`] it is the
    /// token of the version that the summary builds on.
    pub token: u64,
    /// Length of the log.
    pub entries: u64,
    pub windows: Windows,
    pub totals: Totals,
    /// The last revision that was given out to the topic of finalised conversations.
    pub published_revision: u32,
}

impl Summary {
    /// Whether nothing stands in it: to readers there is no such conversation.
    pub fn is_empty(&self) -> bool {
        self.totals.is_empty
    }

    /// The watermark from which there is something to do: 0 when a revision waits to be published, else
    /// when the oldest open window closes; `None` when there is nothing.
    pub fn due_at_ms(&self, gap_ms: i64) -> Option<i64> {
        if self.published_revision < self.windows.revision {
            return Some(UNPUBLISHED_MS);
        }
        let due_ms = self.windows.due_at_ms(gap_ms)?;
        Some(due_ms.max(UNPUBLISHED_MS + 1))
    }
}

/// The stored form, without what stands in fields of its own.
#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "k")]
    key: ConversationKey,
    #[serde(rename = "w")]
    windows: Windows,
    #[serde(rename = "t")]
    totals: Totals,
    #[serde(rename = "r", default)]
    published_revision: u32,
}

/// The same for writing, without a copy.
#[derive(Serialize)]
struct StoredRef<'a> {
    #[serde(rename = "k")]
    key: &'a ConversationKey,
    #[serde(rename = "w")]
    windows: &'a Windows,
    #[serde(rename = "t")]
    totals: &'a Totals,
    #[serde(rename = "r")]
    published_revision: u32,
}

pub(crate) fn encode(summary: &Summary) -> Result<Vec<u8>, Error> {
    codec::encode(&StoredRef {
        key: &summary.key,
        windows: &summary.windows,
        totals: &summary.totals,
        published_revision: summary.published_revision,
    })
}

/// From the answer to [`read_command`]; `None` when there is no such conversation.
pub(crate) fn decode(answer: Value, key: &str) -> Result<Option<Summary>, Error> {
    type Fields = (Option<u64>, Option<u64>, Option<Vec<u8>>, Option<u64>);
    let (version, entries, stored, token): Fields = from_redis_value(answer)?;
    let (Some(version), Some(entries), Some(stored)) = (version, entries, stored) else {
        return Ok(None);
    };
    let Stored {
        key,
        windows,
        totals,
        published_revision,
    } = codec::decode(&stored, key)?;
    Ok(Some(Summary {
        key,
        version,
        token: token.unwrap_or_default(),
        entries,
        windows,
        totals,
        published_revision,
    }))
}

pub(crate) fn read_command(key: &str) -> redis::Cmd {
    let mut command = redis::cmd("HMGET");
    command.arg(key).arg(&["v", "n", "s", "t"]);
    command
}

impl Store {
    /// In the order of the digests; `None` for conversations that do not exist, or no longer. One that cannot be read is
    /// logged and `None` too, so that it does not hide the others.
    #[tracing::instrument(skip_all, fields(otel.kind = "client", db.system.name = "redis", conversations = digests.len()))]
    pub async fn summaries(&self, digests: &[Digest]) -> Result<Vec<Option<Summary>>, Error> {
        let found = self.find(digests).await?;
        Ok(found.into_iter().map(Found::known).collect())
    }

    pub(crate) async fn find(&self, digests: &[Digest]) -> Result<Vec<Found<Summary>>, Error> {
        let keys: Vec<String> = digests
            .iter()
            .map(|digest| self.keys.summary(digest))
            .collect();
        let answers = self
            .connection
            .each_or_error(keys.iter().map(|key| read_command(key)).collect())
            .await?;
        let answers = answers.into_iter().zip(&keys);
        answers
            .map(|(answer, key)| {
                Found::of(
                    answer
                        .map_err(Error::from)
                        .and_then(|answer| decode(answer, key)),
                )
            })
            .collect()
    }
}

/// What a digest leads to.
pub(crate) enum Found<T> {
    Known(Box<T>),
    Nothing,
    /// It is there, and left out, so that it does not hide the others.
    Unreadable,
}

impl<T> Found<T> {
    /// # Errors
    /// Those that are not about the one.
    pub(crate) fn of(read: Result<Option<T>, Error>) -> Result<Self, Error> {
        match read {
            Ok(Some(known)) => Ok(Self::Known(Box::new(known))),
            Ok(None) => Ok(Self::Nothing),
            Err(error) if error.remedy() == Remedy::Repeat => Err(error),
            Err(error) => {
                tracing::error!(%error, "what cannot be read is left out");
                Ok(Self::Unreadable)
            }
        }
    }

    pub(crate) fn known(self) -> Option<T> {
        match self {
            Self::Known(known) => Some(*known),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}
