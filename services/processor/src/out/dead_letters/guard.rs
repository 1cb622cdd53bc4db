//! The breakers of all partitions, shared by those who read records, the pipeline, and who writes down what is paused.

use super::breaker::{Breakers, Pause, Turn, Verdict};
use super::{DeadLetterLimits, Rejection};
use crate::source::TopicPartition;
use parking_lot::Mutex;
use runtime::clock::Clock;
use runtime::health::Condition;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Notify;

#[derive(Debug)]
pub struct Guard {
    breakers: Mutex<Breakers>,
    /// Told when something has changed that the pipeline has to act upon.
    turned: Notify,
    clock: Arc<dyn Clock>,
    /// Always met: one bad partition must not take the others' processor out of service. It says what is paused.
    condition: Condition,
}

impl Guard {
    pub fn new(limits: DeadLetterLimits, clock: Arc<dyn Clock>, condition: Condition) -> Self {
        condition.met();
        Self {
            breakers: Mutex::new(Breakers::new(limits)),
            turned: Notify::new(),
            clock,
            condition,
        }
    }

    /// Whether records of the partition are to be left alone.
    pub fn is_open(&self, partition: &TopicPartition) -> bool {
        self.breakers.lock().is_open(partition)
    }

    /// Judges a record that was read, with what could not be read of it.
    pub fn judge(&self, partition: &TopicPartition, rejection: Option<&Rejection>) -> Verdict {
        let bad = rejection.filter(|rejection| rejection.is_whole());
        let bad = bad.map(Rejection::detail);
        self.change(|breakers, now_ms| breakers.judge(partition, bad.as_deref(), now_ms))
    }

    pub fn begin(&self, partitions: impl IntoIterator<Item = TopicPartition>) {
        let mut breakers = self.breakers.lock();
        partitions
            .into_iter()
            .for_each(|begun| breakers.begin(begun));
    }

    pub fn forget(&self, partitions: &[TopicPartition]) {
        let mut breakers = self.breakers.lock();
        partitions
            .iter()
            .for_each(|partition| breakers.forget(partition));
        self.tell(&breakers);
    }

    pub fn tick(&self) {
        self.change(Breakers::tick);
    }

    /// Returns when something may have changed.
    pub async fn turned(&self) {
        self.turned.notified().await;
    }

    pub fn take_turns(&self) -> Vec<Turn> {
        self.breakers.lock().take_turns()
    }

    /// The partitions of which nothing may be read now.
    pub fn open(&self) -> BTreeSet<TopicPartition> {
        let breakers = self.breakers.lock();
        let paused = breakers.pauses().map(|(partition, _)| partition);
        let open = paused.filter(|partition| breakers.is_open(partition));
        open.cloned().collect()
    }

    /// See [`Breakers::passed_by`].
    pub fn passed_by(&self) -> Vec<TopicPartition> {
        let now_ms = self.clock.now_ms();
        self.breakers.lock().passed_by(now_ms).cloned().collect()
    }

    pub(super) fn unrecorded(&self) -> Vec<(TopicPartition, Option<Pause>)> {
        self.breakers.lock().unrecorded()
    }

    pub(super) fn recorded(&self, partition: &TopicPartition, pause: Option<Pause>) {
        self.breakers.lock().recorded(partition, pause);
    }

    /// See [`Breakers::found`].
    pub fn found(&self, found: &BTreeMap<TopicPartition, Pause>) {
        self.change(|breakers, _| breakers.found(found));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Breakers, i64) -> T) -> T {
        let now_ms = self.clock.now_ms();
        let mut breakers = self.breakers.lock();
        let outcome = change(&mut breakers, now_ms);
        if breakers.has_turned() {
            self.tell(&breakers);
            self.turned.notify_one();
        }
        outcome
    }

    fn tell(&self, breakers: &Breakers) {
        let mut paused = breakers.pauses().map(|(_, pause)| pause.why.as_str());
        match (paused.next(), paused.count()) {
            (None, _) => self.condition.met(),
            (Some(first), 0) => self.condition.met_with(format!("paused: {first}")),
            (Some(first), more) => self
                .condition
                .met_with(format!("paused: {first}; and {more} more partitions")),
        }
    }
}
