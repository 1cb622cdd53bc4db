//! When partitions stand still: all of them under lasting pressure, on request, and when nobody takes records any more;
//! single ones when the pipeline says so.

use super::TopicPartition;
use super::context::Context;
use crate::metrics as names;
use metrics::counter;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use runtime::clock::{Clock, SystemClock};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tracing::info;

#[derive(Debug, Default)]
pub(super) struct Pausing {
    /// Since when there has been no room.
    pub(super) pressed_since: Option<Instant>,
    pub(super) is_requested: bool,
    /// Whether nobody takes events any more.
    pub(super) is_silent: bool,
    /// Partitions that stand still while the others are read. Those that are not ours do not matter.
    pub(super) standing: BTreeSet<TopicPartition>,
    /// What the client was told.
    applied: Paused,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Paused {
    all: bool,
    some: BTreeSet<TopicPartition>,
}

impl Paused {
    fn contains(&self, partition: &TopicPartition) -> bool {
        self.all || self.some.contains(partition)
    }
}

impl Pausing {
    pub(super) fn press(&mut self) {
        self.pressed_since.get_or_insert_with(Instant::now);
    }

    /// Whether everything is paused.
    pub(super) fn is_paused(&self) -> bool {
        self.applied.all
    }

    /// Whether nothing is fetched of this partition.
    pub(super) fn stands_still(&self, partition: &TopicPartition) -> bool {
        self.standing.contains(partition) || self.applied.contains(partition)
    }

    /// Brings the client in line with what is wanted. An assignment begins unpaused.
    pub(super) fn apply(
        &mut self,
        consumer: &BaseConsumer<Context>,
        pause_after: Duration,
    ) -> KafkaResult<()> {
        let is_pressed = |since: Instant| since.elapsed() >= pause_after;
        let all = self.pressed_since.is_some_and(is_pressed) || self.is_requested || self.is_silent;
        if std::mem::take(&mut consumer.context().state.lock().is_newly_assigned) {
            self.applied = Paused::default();
        }
        if all == self.applied.all && self.standing == self.applied.some {
            return Ok(());
        }
        let wanted = Paused {
            all,
            some: self.standing.clone(),
        };
        let (mut pause, mut resume) = (TopicPartitionList::new(), TopicPartitionList::new());
        for partition in consumer.context().state.lock().owned.keys() {
            let changed = match (self.applied.contains(partition), wanted.contains(partition)) {
                (false, true) => &mut pause,
                (true, false) => &mut resume,
                _ => continue,
            };
            changed.add_partition(&partition.topic, partition.partition);
        }
        if pause.count() > 0 {
            consumer.pause(&pause)?;
        }
        if resume.count() > 0 {
            consumer.resume(&resume)?;
            self.begin_again(consumer, &wanted);
        }
        if all != self.applied.all {
            counter!(names::PAUSES).increment(u64::from(all));
            info!(paused = all, "all partitions paused or resumed");
        }
        self.applied = wanted;
        Ok(())
    }

    /// The client forgets what it had fetched, and its statistics tell of it for a while.
    fn begin_again(&self, consumer: &BaseConsumer<Context>, wanted: &Paused) {
        let now_ms = SystemClock.now_ms();
        let mut state = consumer.context().state.lock();
        for (partition, owned) in &mut state.owned {
            if self.applied.contains(partition) && !wanted.contains(partition) {
                owned.reading.begun_ms = now_ms;
            }
        }
    }
}
