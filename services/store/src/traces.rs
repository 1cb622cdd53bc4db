//! Traces: where it is kept what places spans, and what is held of those that are not placed yet, see [`domain::trace`].
//!
//! A trace is an append-only log of entries and a head, written like a conversation: by one script that checks the version.
//! It expires by itself when nothing has come for long enough.

use crate::conversation::token_after;
use crate::script::{COMMIT, Call, HOLD, LOAD};
use crate::summary::{Found, read_command};
use crate::{Commit, Error, Store, codec};
use domain::ids::{Digest, TraceKey};
use domain::trace::TraceEntry;
use redis::{Value, from_redis_value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Traces named at once as those beyond the bound of their project.
const BEYOND_MAX: usize = 64;

/// What is known of a trace without reading its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceHead {
    #[serde(rename = "k")]
    pub key: TraceKey,
    /// See [`crate::Summary::version`].
    #[serde(skip)]
    pub version: u64,
    /// See [`crate::Summary::token`].
    #[serde(skip)]
    pub token: u64,
    /// Length of the log.
    #[serde(skip)]
    pub entries: u64,
    /// When something is to be decided, in record time and Unix milliseconds.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<i64>,
    /// Up to when everything was decided that was due; 0 before anything was.
    #[serde(rename = "w", default)]
    pub visited_ms: i64,
    /// The version in which something was decided that conversations are still to be told of: the trace is due until they
    /// were.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub untold: Option<u64>,
}

impl TraceHead {
    /// Of a trace of which nothing is known.
    pub fn new(key: TraceKey) -> Self {
        Self {
            key,
            version: 0,
            token: 0,
            entries: 0,
            due_ms: None,
            visited_ms: 0,
            untold: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct StoredTrace {
    pub head: TraceHead,
    pub entries: Vec<TraceEntry>,
}

/// A version to be written. The head holds what it builds on, and when it is due afterwards.
#[derive(Clone, Copy, Debug)]
pub struct TraceCommit<'a> {
    pub head: &'a TraceHead,
    pub entry: &'a TraceEntry,
    /// Whether the entry takes the place of the whole log.
    pub is_anew: bool,
}

/// What a trace holds of spans without an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub project: String,
    /// By [`TraceKey::digest`].
    pub trace: Digest,
    /// 0 for nothing.
    pub bytes: u64,
    /// When the first of them was recorded, in Unix milliseconds.
    pub first_ms: i64,
}

impl Store {
    /// In the order asked; `None` for those that are unknown.
    #[tracing::instrument(skip_all, fields(otel.kind = "client", db.system.name = "redis", traces = digests.len()))]
    pub async fn load_traces(&self, digests: &[Digest]) -> Result<Vec<Option<StoredTrace>>, Error> {
        let calls: Vec<Call> = digests
            .iter()
            .map(|digest| {
                let mut call = LOAD.call();
                call.key(self.keys.trace_head(digest));
                call.key(self.keys.trace_log(digest));
                call.arg(0);
                call
            })
            .collect();
        let answers = self.connection.call_each(&calls).await?;
        let read = |(answer, digest): (Value, &Digest)| {
            let (head, log): (Value, Vec<Vec<u8>>) = from_redis_value(answer)?;
            let key = self.keys.trace_head(digest);
            let Some(head) = decode_head(head, &key)? else {
                return Ok(None);
            };
            if log.len() as u64 != head.entries {
                let what = format!(
                    "the log has {} entries, the head counts {}",
                    log.len(),
                    head.entries
                );
                return Err(Error::corrupt(key, what));
            }
            let entries = log.iter().map(|stored| codec::decode(stored, &key));
            let entries = entries.collect::<Result<_, _>>()?;
            Ok(Some(StoredTrace { head, entries }))
        };
        answers.into_iter().zip(digests).map(read).collect()
    }

    /// Writes a version if the trace is still at the one that it builds on, and keeps the trace for `ttl_ms` from now.
    #[tracing::instrument(skip_all, fields(otel.kind = "client", db.system.name = "redis", trace = %commit.head.key.trace))]
    pub async fn commit_trace(
        &self,
        commit: TraceCommit<'_>,
        ttl_ms: u64,
    ) -> Result<Commit, Error> {
        let TraceCommit {
            head,
            entry,
            is_anew,
        } = commit;
        let digest = head.key.digest();
        let log_key = self.keys.trace_log(&digest);
        let (head_bytes, entry_bytes) = (codec::encode(head)?, codec::encode(entry)?);
        let version = head.version + 1;
        let entries = if is_anew { 1 } else { head.entries + 1 };
        let token = token_after(head.token, version, &head_bytes, Some(&entry_bytes));
        let mut call = COMMIT.call();
        call.key(self.keys.trace_head(&digest));
        call.key(log_key.clone());
        call.arg(version)
            .arg(entries)
            .arg(head_bytes)
            .arg(ttl_ms)
            .arg(head.token)
            .arg(token)
            .arg(entry_bytes);
        if is_anew {
            call.arg("anew");
        }
        let answer: Value = self.connection.call(&call).await?;
        match from_redis_value::<(String, u64)>(answer)? {
            (status, _) if status == "done" => Ok(Commit::Done { token }),
            (status, version) if status == "conflict" => Ok(Commit::Conflict { version }),
            (_, length) => {
                let what =
                    format!("the log would have {length} entries, the head counts {entries}");
                Err(Error::corrupt(log_key, what))
            }
        }
    }

    /// Deletes a trace that cannot be read: its spans are placed anew by what comes.
    pub async fn remove_trace(&self, digest: &Digest) -> Result<(), Error> {
        let mut command = redis::cmd("UNLINK");
        command
            .arg(self.keys.trace_head(digest))
            .arg(self.keys.trace_log(digest));
        self.connection.query::<Value>(&command).await.map(|_| ())
    }

    /// Notes what traces hold. Returns those that hold what is beyond `bytes_max` of their project, the oldest first: they
    /// are to let it go. May be repeated.
    pub async fn hold(
        &self,
        held: &[Held],
        bytes_max: u64,
        ttl_ms: u64,
    ) -> Result<Vec<Held>, Error> {
        let mut by_project: BTreeMap<&str, Vec<&Held>> = BTreeMap::new();
        for held in held {
            by_project.entry(&held.project).or_default().push(held);
        }
        let calls: Vec<Call> = by_project
            .iter()
            .map(|(project, held)| {
                let mut call = HOLD.call();
                call.key(self.keys.held(project));
                call.key(self.keys.held_bytes(project));
                call.arg(bytes_max).arg(ttl_ms).arg(BEYOND_MAX);
                for held in held {
                    call.arg(held.trace.to_string())
                        .arg(held.bytes)
                        .arg(held.first_ms);
                }
                call
            })
            .collect();
        let answers = self.connection.call_each(&calls).await?;
        let mut beyond = Vec::new();
        for (answer, project) in answers.into_iter().zip(by_project.keys()) {
            let named: Vec<(String, u64, f64)> = from_redis_value(answer)?;
            for (trace, bytes, first_ms) in named {
                let Some(trace) = Digest::parse_hex(&trace) else {
                    let what = format!("{trace:?} is not the name of a trace");
                    return Err(Error::corrupt(self.keys.held(project), what));
                };
                beyond.push(Held {
                    project: (*project).to_owned(),
                    trace,
                    bytes,
                    first_ms: first_ms as i64,
                });
            }
        }
        Ok(beyond)
    }

    /// Heads in the order of the digests; `None` for what is unknown. One that cannot be read is logged and `None` too.
    pub async fn trace_heads(&self, digests: &[Digest]) -> Result<Vec<Option<TraceHead>>, Error> {
        let found = self.find_traces(digests).await?;
        Ok(found.into_iter().map(Found::known).collect())
    }

    pub(crate) async fn find_traces(
        &self,
        digests: &[Digest],
    ) -> Result<Vec<Found<TraceHead>>, Error> {
        let keys: Vec<String> = digests
            .iter()
            .map(|digest| self.keys.trace_head(digest))
            .collect();
        let commands = keys.iter().map(|key| read_command(key));
        let answers = self.connection.each_or_error(commands.collect()).await?;
        let answers = answers.into_iter().zip(&keys);
        answers
            .map(|(answer, key)| {
                Found::of(
                    answer
                        .map_err(Error::from)
                        .and_then(|answer| decode_head(answer, key)),
                )
            })
            .collect()
    }
}

fn decode_head(answer: Value, key: &str) -> Result<Option<TraceHead>, Error> {
    type Fields = (Option<u64>, Option<u64>, Option<Vec<u8>>, Option<u64>);
    let (version, entries, stored, token): Fields = from_redis_value(answer)?;
    let (Some(version), Some(entries), Some(stored)) = (version, entries, stored) else {
        return Ok(None);
    };
    Ok(Some(TraceHead {
        version,
        entries,
        token: token.unwrap_or_default(),
        ..codec::decode(&stored, key)?
    }))
}
