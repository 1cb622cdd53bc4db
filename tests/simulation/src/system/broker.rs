//! The model of Kafka: logs with holes, a group that rebalances eagerly, committed offsets, the topic of finalised
//! conversations.

use super::plan::Planned;
use processor::source::TopicPartition;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct Written {
    pub timestamp_ms: i64,
    pub facts: Vec<usize>,
    /// See [`Planned::bad`].
    pub bad: Option<usize>,
}

#[derive(Clone, Debug, Default)]
pub struct Log {
    pub records: BTreeMap<i64, Arc<Written>>,
    /// The offset that the next record will have.
    pub end: i64,
    /// How often it was made anew, or lost its end.
    pub incarnation: u64,
    /// What it has lost, as of when that counted.
    lost: Vec<(i64, Arc<Written>)>,
}

impl Log {
    pub fn append(&mut self, planned: &Planned, timestamp_ms: i64) {
        // A mark follows what it marks.
        let written = Written {
            timestamp_ms,
            facts: planned.facts.clone(),
            bad: planned.bad,
        };
        self.records.insert(self.end, Arc::new(written));
        self.end += 1 + planned.hole;
    }

    /// The log loses everything from an offset on.
    pub fn lose_end(&mut self, from: i64) {
        let mut counts_ms = i64::MIN;
        for (offset, written) in &self.records {
            counts_ms = counts_ms.max(written.timestamp_ms);
            if *offset >= from {
                self.lost.push((counts_ms, Arc::clone(written)));
            }
        }
        self.records.split_off(&from);
        self.end = from;
        self.incarnation += 1;
    }
}

/// A revision as it was published.
#[derive(Clone, Debug)]
pub struct Finalised {
    pub conversation: usize,
    pub revision: u32,
    pub content: String,
}

#[derive(Clone, Debug, Default)]
pub struct Broker {
    pub logs: BTreeMap<TopicPartition, Log>,
    pub group: Group,
    pub finalised: Vec<Finalised>,
    /// By the partition and offset of the record.
    pub dead_letters: BTreeSet<(TopicPartition, i64)>,
    /// The numbers of bad records of which there are dead letters.
    pub letters: BTreeSet<usize>,
}

impl Broker {
    /// The logs with what they have lost since it was read, each in a partition of its own: within a partition times do
    /// not go back, whichever came after it.
    pub fn logs_as_read(&self) -> BTreeMap<TopicPartition, Log> {
        let mut logs = self.logs.clone();
        let mut counts = self.counts();
        for (partition, log) in &self.logs {
            if log.lost.is_empty() {
                continue;
            }
            let mut lost = log.lost.clone();
            lost.sort_by_key(|(counts_ms, _)| *counts_ms);
            let records = lost.into_iter().zip(0..).map(|((counts_ms, written), at)| {
                let written = Written {
                    timestamp_ms: counts_ms,
                    ..(*written).clone()
                };
                (at, Arc::new(written))
            });
            let records: BTreeMap<_, _> = records.collect();
            let count = counts.entry(Arc::clone(&partition.topic)).or_default();
            let own = TopicPartition::new(Arc::clone(&partition.topic), *count);
            *count += 1;
            let end = records.len() as i64;
            logs.insert(
                own,
                Log {
                    records,
                    end,
                    ..Log::default()
                },
            );
        }
        logs
    }

    pub fn counts(&self) -> BTreeMap<Arc<str>, i32> {
        let mut counts = BTreeMap::new();
        for partition in self.logs.keys() {
            *counts.entry(partition.topic.clone()).or_default() += 1;
        }
        counts
    }
}

/// A member as the coordinator knows it.
#[derive(Clone, Debug, Default)]
pub struct Membership {
    /// Of the generation that it has joined last.
    pub generation: u32,
    /// Whether it waits for the next generation.
    pub is_joined: bool,
    pub partitions: Vec<TopicPartition>,
}

/// The coordinator of the consumer group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    pub generation: u32,
    pub is_rebalancing: bool,
    pub members: BTreeMap<usize, Membership>,
    /// Offset, and the time in its metadata.
    pub committed: BTreeMap<TopicPartition, (i64, Option<i64>)>,
}

impl Group {
    /// A member has let its partitions go and waits for the next generation.
    pub fn join(&mut self, member: usize) {
        self.members.entry(member).or_default().is_joined = true;
        self.is_rebalancing = true;
    }

    /// A member leaves, or is given up.
    pub fn remove(&mut self, member: usize) {
        if self.members.remove(&member).is_some() {
            self.is_rebalancing = true;
        }
    }

    pub fn is_complete(&self) -> bool {
        let mut members = self.members.values();
        self.is_rebalancing && !self.members.is_empty() && members.all(|member| member.is_joined)
    }

    /// The next generation begins. Each partition goes to some member.
    pub fn complete(&mut self, partitions: &BTreeSet<TopicPartition>, shift: usize) {
        self.generation += 1;
        self.is_rebalancing = false;
        let count = self.members.len();
        for (place, member) in self.members.values_mut().enumerate() {
            member.generation = self.generation;
            member.is_joined = false;
            let is_its = |(number, _): &(usize, &TopicPartition)| (number + shift) % count == place;
            let its = partitions.iter().enumerate().filter(is_its);
            member.partitions = its.map(|(_, partition)| partition.clone()).collect();
        }
    }

    /// Whether the coordinator takes commits of this member, which believes to be in this generation.
    pub fn takes_commits(&self, member: usize, generation: u32) -> bool {
        self.generation == generation
            && self
                .members
                .get(&member)
                .is_some_and(|member| member.generation == generation)
    }
}
