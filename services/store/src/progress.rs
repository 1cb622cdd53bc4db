//! How far a consumer group has come, as Redis knows it: what is committed to Kafka may be ahead of a Redis that lost its
//! last second.
//!
//! A server that lost data lost its newest writes. So the record of progress, written after the data it speaks of, tells
//! what the same server still has. In a cluster each primary may have lost something else: the record is kept on all of
//! them, and the lowest counts.
//!
//! The record is fenced, so that nobody builds on what was lost or writes what is another's:
//! - It names the [`Epoch`] in which it was made, and is nothing in another. A server that was emptied has none.
//! - It names the server on which its epoch began. On another one, or the same one started again, something may be
//!   missing: nothing can be saved until someone begins a new epoch, from a point that was surely kept. Whoever knows
//!   the old epoch only learns so from the record.
//! - Each partition has an owner, and what another saves of it is refused.
//!
//! Each of these is checked by the script that writes, in one step with the write.

mod copies;
mod record;

use crate::script::{BEGIN_EPOCH, CLAIM, Call, IS_CURRENT, LOOK_PROGRESS, SAVE_PROGRESS, Script};
use crate::{Error, Store};
use copies::{SINGLE_TAG, SPREAD_TAGS};
use domain::ids::Digest;
use record::{Copy, Fields, Partitions};
use redis::from_redis_value;
use std::collections::BTreeSet;

/// Points that are kept of one partition: enough to go back by any time that matters, and few enough that a record of
/// hundreds of partitions is written every second without being noticed.
pub const POINTS_MAX: usize = 16;

/// From when the store was empty, or had lost something, until the next loss: the random names that the copies of the
/// record were given when they were begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch(Vec<String>);

impl Epoch {
    /// For logs: tells epochs apart, and is short.
    pub fn short(&self) -> String {
        let names: Vec<&[u8]> = self.0.iter().map(String::as_bytes).collect();
        let mut short = Digest::of(&names).to_string();
        short.truncate(8);
        short
    }

    /// An epoch that no store has begun.
    #[cfg(any(test, feature = "testing"))]
    pub fn named(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }
}

/// A moment in the reading of a partition: everything below `next_offset` was done then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// When it was recorded, by the recorder's clock.
    pub at_ms: i64,
    pub next_offset: i64,
    /// The highest record time below `next_offset`; `None` when nothing was read below it.
    pub time_ms: Option<i64>,
}

/// How far one partition of one topic has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionProgress {
    pub topic: String,
    pub partition: i32,
    /// Newest first, at most [`POINTS_MAX`]: the first is where the partition stands, the last where its reading began,
    /// or the oldest kept. Without any nothing is recorded.
    pub points: Vec<Point>,
    /// Record time up to which everything of it is done; `None` while nothing is known, as after a rewind.
    pub watermark_ms: Option<i64>,
}

impl PartitionProgress {
    /// Where it stands: everything below is in Redis, dead-lettered, or dropped on purpose.
    pub fn next_offset(&self) -> Option<i64> {
        self.points.first().map(|point| point.next_offset)
    }
}

/// What the store knows of a consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub epoch: Epoch,
    /// False when some copy stands on another server, or another run of it, than the one on which its epoch began:
    /// something may be lost. Nothing can be saved until [`Store::begin_epoch`].
    pub is_intact: bool,
    /// What was recorded in this epoch, of the partitions that all copies know; over the copies the lowest counts. Of a
    /// partition that is not among it nothing is known.
    pub partitions: Vec<PartitionProgress>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Claimed {
    Yes,
    /// Another epoch has begun, or the server is another: look again.
    EpochOver,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Saved {
    Yes,
    /// Another epoch has begun, or the server is another: look again.
    EpochOver,
    /// These are claimed by another owner, or by nobody. The others were saved.
    NotOwner(Vec<(String, i32)>),
}

impl Store {
    /// What is recorded of the group. Begins the first epoch where there is none.
    pub async fn look(&self, group: &str) -> Result<Found, Error> {
        // Of several that begin one at the same time, the first of each copy has named it.
        let name = random_name()?;
        let calls = self.on_copies(&LOOK_PROGRESS, group, |_, call| {
            call.arg(&name);
        });
        let mut found = Found {
            epoch: Epoch(Vec::with_capacity(calls.len())),
            is_intact: true,
            partitions: Vec::new(),
        };
        let mut lowest: Option<Partitions> = None;
        for answer in self.connection.call_each(&calls).await? {
            let (is_intact, identity, fields): (bool, String, Fields) = from_redis_value(answer)?;
            let lost = || Error::corrupt(group, "the record of progress has no epoch");
            let Copy { epoch, partitions } = record::read(fields).ok_or_else(lost)?;
            if identity.is_empty() {
                self.warn_of_unknown_identity();
            }
            found.epoch.0.push(epoch);
            found.is_intact &= is_intact;
            lowest = Some(match lowest {
                None => partitions,
                Some(lowest) => record::lower(lowest, &partitions),
            });
        }
        found.partitions = lowest.unwrap_or_default().into_values().collect();
        Ok(found)
    }

    /// Begins a new epoch in the place of that which was found, with these partitions as all that is known: the caller has
    /// cut their points to what was surely kept. Nobody owns a partition in it yet. Copies that have another epoch by
    /// now are left alone, since someone was faster. [`Store::look`] tells afterwards what holds.
    pub async fn begin_epoch(
        &self,
        group: &str,
        found: &Found,
        partitions: &[PartitionProgress],
    ) -> Result<(), Error> {
        let name = random_name()?;
        let calls = self.on_copies(&BEGIN_EPOCH, group, |position, call| {
            call.arg(found.epoch.of_copy(position)).arg(&name);
            for progress in partitions {
                if let Some(value) = record::encode(progress) {
                    call.arg(record::progress_field(&progress.topic, progress.partition))
                        .arg(value);
                }
            }
        });
        self.connection.call_each(&calls).await?;
        Ok(())
    }

    /// Makes `owner` the only one who may save these partitions; what is recorded of them stays. The owner is an opaque
    /// short text, unique per process and assignment.
    pub async fn claim(
        &self,
        group: &str,
        epoch: &Epoch,
        owner: &str,
        partitions: &[(String, i32)],
    ) -> Result<Claimed, Error> {
        let calls = self.on_copies(&CLAIM, group, |position, call| {
            call.arg(epoch.of_copy(position)).arg(owner);
            for (topic, partition) in partitions {
                call.arg(record::owner_field(topic, *partition));
            }
        });
        Ok(match self.all_agree(&calls).await? {
            true => Claimed::Yes,
            false => Claimed::EpochOver,
        })
    }

    /// Records progress of this epoch, of partitions that `owner` has claimed. To be called when everything that it speaks
    /// of has been written and acknowledged.
    pub async fn save(
        &self,
        group: &str,
        epoch: &Epoch,
        owner: &str,
        partitions: &[PartitionProgress],
    ) -> Result<Saved, Error> {
        let told: Vec<(&PartitionProgress, String)> = partitions
            .iter()
            .filter_map(|progress| Some((progress, record::encode(progress)?)))
            .collect();
        let calls = self.on_copies(&SAVE_PROGRESS, group, |position, call| {
            call.arg(epoch.of_copy(position)).arg(owner);
            for (progress, value) in &told {
                call.arg(record::owner_field(&progress.topic, progress.partition))
                    .arg(record::progress_field(&progress.topic, progress.partition))
                    .arg(value);
            }
        });
        let (mut is_over, mut others) = (false, BTreeSet::new());
        for answer in self.connection.call_each(&calls).await? {
            let (is_current, refused): (bool, Vec<usize>) = from_redis_value(answer)?;
            is_over |= !is_current;
            others.extend(refused);
        }
        if is_over {
            return Ok(Saved::EpochOver);
        }
        let others: Vec<_> = others
            .into_iter()
            .filter_map(|position| told.get(position))
            .map(|(progress, _)| (progress.topic.clone(), progress.partition))
            .collect();
        Ok(if others.is_empty() {
            Saved::Yes
        } else {
            Saved::NotOwner(others)
        })
    }

    /// Whether this epoch still is the store's, on the server on which it began. In a cluster every copy is asked.
    pub async fn is_current(&self, group: &str, epoch: &Epoch) -> Result<bool, Error> {
        let calls = self.on_copies(&IS_CURRENT, group, |position, call| {
            call.arg(epoch.of_copy(position));
        });
        self.all_agree(&calls).await
    }

    /// Whether each copy answers with yes.
    async fn all_agree(&self, calls: &[Call]) -> Result<bool, Error> {
        let mut agree = true;
        for answer in self.connection.call_each(calls).await? {
            agree &= from_redis_value::<bool>(answer)?;
        }
        Ok(agree)
    }

    /// One call for each copy of the group's record, with the arguments that are added by the position of the copy.
    fn on_copies(
        &self,
        script: &'static Script,
        group: &str,
        add_arguments: impl Fn(usize, &mut Call),
    ) -> Vec<Call> {
        let tags = match self.connection.is_cluster() {
            true => SPREAD_TAGS.iter().map(String::as_str).collect(),
            false => vec![SINGLE_TAG],
        };
        let call = |(position, tag): (usize, &str)| {
            let mut call = script.call();
            call.key(self.keys.progress(tag, group));
            add_arguments(position, &mut call);
            call
        };
        tags.into_iter().enumerate().map(call).collect()
    }

    fn warn_of_unknown_identity(&self) {
        self.has_warned.call_once(|| {
            tracing::error!(
                "redis does not tell which server it is: when it restarts or fails over and loses its last writes, that \
                 cannot be noticed, and what they held stays lost. Allow the user INFO, also within scripts"
            );
        });
    }
}

impl Epoch {
    /// The name in one copy; '' for a copy that it does not know, which none has.
    fn of_copy(&self, position: usize) -> &str {
        self.0.get(position).map_or("", String::as_str)
    }
}

fn random_name() -> Result<String, Error> {
    let mut name = [0u8; 8];
    getrandom::fill(&mut name)
        .map_err(|error| Error::Config(format!("the system gives no random numbers: {error}")))?;
    Ok(format!("{:016x}", u64::from_le_bytes(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_tell_epochs_apart() {
        let epochs = [
            Epoch::named("a"),
            Epoch::named("b"),
            Epoch(vec!["a".to_owned(), "b".to_owned()]),
        ];
        let names: BTreeSet<String> = epochs.iter().map(Epoch::short).collect();
        assert_eq!(names.len(), epochs.len());
        assert!(names.iter().all(|name| name.len() == 8), "{names:?}");
    }
}
