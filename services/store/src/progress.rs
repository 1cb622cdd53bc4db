//! How far a consumer group has come, as Redis knows it: what is committed to Kafka may be ahead of a Redis that lost its
//! last second.
//!
//! A server that lost data lost its newest writes. So the record of progress, written after the data it speaks of, tells
//! what the same server still has. In a cluster each primary may have lost something else: the record is kept on all of
//! them, and the lowest counts.
//!
//! A server that was emptied and written to again may know as much as it did before, and not have it. So each record
//! names the [`Epoch`] in which it was made, and is nothing in another.

use crate::connect::Connection;
use crate::{Error, Store};
use redis::{Cmd, Value, from_redis_value};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

const SLOTS: u16 = 16_384;
/// Copies in a cluster, spread evenly over the slots: every primary with a run of 512 slots holds one.
const CLUSTER_COPIES: u16 = 64;
/// The field that names the epoch, beside one field for each partition.
const EPOCH: &str = "epoch";

/// From when the store was empty until it is emptied, or a primary of it loses everything: the random names that its
/// copies of the record were given when they were begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch(Vec<String>);

/// What the store knows of a consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub epoch: Epoch,
    /// What Redis is sure to have. A partition that is not among it was never recorded in this epoch, or its record was
    /// lost, and nothing is known of its data.
    pub partitions: Vec<Progress>,
}

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub topic: String,
    pub partition: i32,
    /// Everything below is in Redis, dead-lettered, or dropped on purpose.
    pub next_offset: i64,
    pub watermark_ms: i64,
    pub updated_at_ms: i64,
}

impl Store {
    /// Records progress of this epoch. To be called when everything that it speaks of has been written and acknowledged. When
    /// the store has begun another epoch meanwhile, nothing is recorded.
    pub async fn save_progress(
        &self,
        group: &str,
        epoch: &Epoch,
        progress: &[Progress],
    ) -> Result<(), Error> {
        if progress.is_empty() {
            return Ok(());
        }
        let keys = self.progress_keys(group);
        let commands = keys.iter().zip(&epoch.0).map(|(key, epoch)| {
            let mut command = redis::cmd("HSET");
            command.arg(key);
            for partition in progress {
                let Progress {
                    next_offset,
                    watermark_ms,
                    updated_at_ms,
                    ..
                } = partition;
                command.arg(format!("{}:{}", partition.topic, partition.partition));
                command.arg(format!(
                    "{next_offset}|{watermark_ms}|{updated_at_ms}|{epoch}"
                ));
            }
            command
        });
        self.connection.each(commands.collect()).await?;
        Ok(())
    }

    /// What is recorded of the group. Begins an epoch where there is none.
    pub async fn load_progress(&self, group: &str) -> Result<Recorded, Error> {
        let keys = self.progress_keys(group);
        if let Some(recorded) = self.recorded(&keys).await? {
            return Ok(recorded);
        }
        let mut name = [0u8; 8];
        getrandom::fill(&mut name).map_err(|error| {
            Error::Config(format!("the system gives no random numbers: {error}"))
        })?;
        let name = format!("{:016x}", u64::from_le_bytes(name));
        // Of several that begin one at the same time, the first of each copy has named it.
        let begin = |key: &String| redis::cmd("HSETNX").arg(key).arg(EPOCH).arg(&name).clone();
        self.connection
            .each(keys.iter().map(begin).collect())
            .await?;
        let lost = || Error::corrupt(&keys[0], "the epoch was lost as soon as it had begun");
        self.recorded(&keys).await?.ok_or_else(lost)
    }

    /// `None` when a copy has no epoch.
    async fn recorded(&self, keys: &[String]) -> Result<Option<Recorded>, Error> {
        let load = |key: &String| -> Cmd { redis::cmd("HGETALL").arg(key).clone() };
        let answers = self
            .connection
            .each(keys.iter().map(load).collect())
            .await?;
        let mut epochs = Vec::new();
        let mut lowest: Option<Partitions> = None;
        for (answer, key) in answers.into_iter().zip(keys) {
            let Some((epoch, copy)) = read_copy(answer, key)? else {
                return Ok(None);
            };
            epochs.push(epoch);
            lowest = Some(match lowest {
                None => copy,
                Some(lowest) => lower(lowest, &copy),
            });
        }
        Ok(Some(Recorded {
            epoch: Epoch(epochs),
            partitions: lowest.unwrap_or_default().into_values().collect(),
        }))
    }

    fn progress_keys(&self, group: &str) -> Vec<String> {
        match &self.connection {
            Connection::Single(_) => vec![self.keys.progress("0", group)],
            Connection::Cluster(_) => SPREAD_TAGS
                .iter()
                .map(|tag| self.keys.progress(tag, group))
                .collect(),
        }
    }
}

/// What one copy of the record says.
type Partitions = BTreeMap<(String, i32), Progress>;

/// The epoch of a copy and what was recorded in it; `None` when none has begun.
fn read_copy(answer: Value, key: &str) -> Result<Option<(String, Partitions)>, Error> {
    let mut fields: HashMap<String, String> = from_redis_value(answer)?;
    let Some(epoch) = fields.remove(EPOCH) else {
        return Ok(None);
    };
    let mut copy = Partitions::new();
    for (field, value) in &fields {
        let Some((value, _)) = value.rsplit_once('|').filter(|(_, of)| *of == epoch) else {
            continue;
        };
        let progress = parse(field, value)
            .ok_or_else(|| Error::corrupt(key, format!("{field:?} = {value:?} is no progress")))?;
        copy.insert((progress.topic.clone(), progress.partition), progress);
    }
    Ok(Some((epoch, copy)))
}

fn parse(field: &str, value: &str) -> Option<Progress> {
    let (topic, partition) = field.rsplit_once(':')?;
    let mut numbers = value.split('|').map(|number| number.parse::<i64>().ok());
    Some(Progress {
        topic: topic.to_owned(),
        partition: partition.parse().ok()?,
        next_offset: numbers.next()??,
        watermark_ms: numbers.next()??,
        updated_at_ms: numbers.next()??,
    })
}

/// What both copies have, as far as the one that is further behind.
fn lower(mut lowest: Partitions, copy: &Partitions) -> Partitions {
    lowest.retain(|partition, progress| match copy.get(partition) {
        Some(other) => {
            if other.next_offset < progress.next_offset {
                *progress = other.clone();
            }
            true
        }
        None => false,
    });
    lowest
}

/// A hash tag in each of [`CLUSTER_COPIES`] equal parts of the slots.
static SPREAD_TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let width = SLOTS / CLUSTER_COPIES;
    (0..CLUSTER_COPIES)
        .filter_map(|part| {
            (0u32..)
                .map(|number| number.to_string())
                .find(|tag| slot(tag.as_bytes()) / width == part)
        })
        .collect()
});

/// The slot of a hash tag: CRC16/XMODEM, as the Redis Cluster specification says.
fn slot(tag: &[u8]) -> u16 {
    let crc = tag.iter().fold(0u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            }
        })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot(b"123456789"), 0x31c3);
        assert_eq!(slot(b"foo"), 12_182);
    }

    #[test]
    fn tags_spread_evenly() {
        let mut parts: Vec<u16> = SPREAD_TAGS
            .iter()
            .map(|tag| slot(tag.as_bytes()) / 256)
            .collect();
        parts.dedup();
        assert_eq!(parts, (0..64).collect::<Vec<_>>());
    }

    #[test]
    fn the_copy_that_is_furthest_behind_counts() {
        let copy = |partitions: &[(i32, i64)]| -> Partitions {
            let progress = |(partition, next_offset): &(i32, i64)| Progress {
                topic: "a:b".into(),
                partition: *partition,
                next_offset: *next_offset,
                watermark_ms: 1,
                updated_at_ms: 2,
            };
            partitions
                .iter()
                .map(|partition| (("a:b".to_owned(), partition.0), progress(partition)))
                .collect()
        };
        assert_eq!(
            lower(copy(&[(0, 5), (1, 7), (2, 1)]), &copy(&[(0, 6), (1, 4)])),
            copy(&[(0, 5), (1, 4)])
        );
        assert_eq!(
            parse("a:b:0", "5|1|2").as_ref(),
            copy(&[(0, 5)]).values().next()
        );
        assert_eq!(parse("a:b:0", "5|1"), None);
    }
}
