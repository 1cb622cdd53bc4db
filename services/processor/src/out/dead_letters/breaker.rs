//! A circuit breaker for each partition: too many of its records cannot be read, so it is paused; after a while some of
//! them are tried, and if these can be read it goes on. A machine without input or output: `now_ms` is an argument.
//!
//! ```text
//!            too many of the last records are bad
//!   closed ────────────────────────────────────────► open ◄──────────┐
//!     ▲ ▲                                             │ │             │ so are those of the trial: twice the pause
//!     │ └──────────── an operator says so ────────────┘ │ pause over  │
//!     └──────────── the trial's records are good ───── half open ─────┘
//! ```
//!
//! While a breaker is open no record of its partition is read or becomes a dead letter: it stays in Kafka. Other
//! partitions are not touched. That it is open is written down by whoever owns this machine ([`Breakers::unrecorded`]),
//! and found by the next owner of the partition ([`Breakers::found`]): a restart does not begin the count anew. Until its
//! owner has looked, bad records of a partition wait.

use super::DeadLetterLimits;
use crate::source::TopicPartition;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Why a partition is paused, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it was paused first, Unix milliseconds; a trial that fails does not change it.
    pub since_ms: i64,
    /// When its records are tried next.
    pub until_ms: i64,
    /// Trials that have failed.
    pub trials: u32,
    /// What could not be read, how much of it, and the last reason.
    pub why: String,
}

/// What is to become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    GoOn,
    /// Its partition is paused: the record is left undone, and read again when the partition goes on.
    Abandon,
}

/// What has changed, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    Paused(TopicPartition, Pause),
    /// It is read again, from its first record that is not done.
    ReadsAgain(TopicPartition),
    /// Enough of it can be read again, or an operator said that it shall go on.
    GoesOn(TopicPartition),
}

#[derive(Clone, Debug)]
pub struct Breakers {
    limits: DeadLetterLimits,
    /// Bounded by the partitions that are ours.
    breakers: BTreeMap<TopicPartition, Breaker>,
    turns: Vec<Turn>,
}

#[derive(Clone, Debug, Default)]
struct Breaker {
    state: State,
    window: Window,
    /// What is written down of it, as far as we know; `None` inside when nothing is, outside when nobody has looked.
    recorded: Option<Option<Pause>>,
    /// Whether a record was left undone before anybody had looked.
    has_left: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum State {
    #[default]
    Closed,
    Open(Pause),
    HalfOpen(Pause, i64),
}

impl State {
    fn pause(&self) -> Option<&Pause> {
        match self {
            Self::Closed => None,
            Self::Open(pause) | Self::HalfOpen(pause, _) => Some(pause),
        }
    }
}

impl Breakers {
    pub fn new(limits: DeadLetterLimits) -> Self {
        Self {
            limits,
            breakers: BTreeMap::new(),
            turns: Vec::new(),
        }
    }

    /// A partition is ours, or is read from elsewhere, which changes nothing.
    pub fn begin(&mut self, partition: TopicPartition) {
        self.breakers.entry(partition).or_default();
    }

    /// A partition is another's.
    pub fn forget(&mut self, partition: &TopicPartition) {
        self.breakers.remove(partition);
    }

    /// Whether records of the partition are read at the moment.
    pub fn is_open(&self, partition: &TopicPartition) -> bool {
        let breaker = self.breakers.get(partition);
        breaker.is_some_and(|breaker| matches!(breaker.state, State::Open(_)))
    }

    /// The partitions that are paused, or being tried.
    pub fn pauses(&self) -> impl Iterator<Item = (&TopicPartition, &Pause)> {
        let pause = |(partition, breaker)| Some((partition, Breaker::pause(breaker)?));
        self.breakers.iter().filter_map(pause)
    }

    /// The paused partitions that hold time back no longer.
    pub fn passed_by(&self, now_ms: i64) -> impl Iterator<Item = &TopicPartition> {
        let hold_ms = millis(self.limits.watermark_hold_ms);
        let is_over = move |pause: &Pause| now_ms - pause.since_ms >= hold_ms;
        self.breakers
            .iter()
            .filter_map(move |(partition, breaker)| {
                let State::Open(pause) = &breaker.state else {
                    return None;
                };
                is_over(pause).then_some(partition)
            })
    }

    pub fn has_turned(&self) -> bool {
        !self.turns.is_empty()
    }

    /// What has changed since this was asked last.
    pub fn take_turns(&mut self) -> Vec<Turn> {
        std::mem::take(&mut self.turns)
    }

    /// Judges a record that was read, or could not be: then `bad` tells why.
    pub fn judge(&mut self, partition: &TopicPartition, bad: Option<&str>, now_ms: i64) -> Verdict {
        // Of a partition that is another's by now: what becomes of the record does not matter.
        let Some(breaker) = self.breakers.get_mut(partition) else {
            return Verdict::GoOn;
        };
        if matches!(breaker.state, State::Open(_)) {
            return Verdict::Abandon;
        }
        if bad.is_some() && breaker.recorded.is_none() {
            breaker.has_left = true;
            return Verdict::Abandon;
        }
        breaker
            .window
            .note(bad.is_some(), self.limits.window_records);
        let is_trial = matches!(breaker.state, State::HalfOpen(..));
        if let Some(last) = bad
            && breaker.window.is_too_much(is_trial, &self.limits)
        {
            let pause = breaker.open(partition, last, &self.limits, now_ms);
            self.turns.push(Turn::Paused(partition.clone(), pause));
            return Verdict::Abandon;
        }
        if is_trial && breaker.window.len() >= self.limits.trial_records {
            breaker.state = State::Closed;
            self.turns.push(Turn::GoesOn(partition.clone()));
        }
        Verdict::GoOn
    }

    /// Time has passed: pauses end, and trials of partitions that have little to try.
    pub fn tick(&mut self, now_ms: i64) {
        for (partition, breaker) in &mut self.breakers {
            match &breaker.state {
                State::Open(pause) if now_ms >= pause.until_ms => {
                    breaker.state = State::HalfOpen(pause.clone(), now_ms);
                    breaker.window = Window::default();
                    self.turns.push(Turn::ReadsAgain(partition.clone()));
                }
                State::HalfOpen(_, begun_ms)
                    if now_ms - begun_ms >= millis(self.limits.pause_ms)
                        && breaker.window.len() > 0
                        && breaker.window.ratio() <= self.limits.invalid_ratio_max =>
                {
                    breaker.state = State::Closed;
                    self.turns.push(Turn::GoesOn(partition.clone()));
                }
                _ => {}
            }
        }
    }

    /// What is to be written down of each partition, `None` when it is not paused any more.
    pub fn unrecorded(&self) -> Vec<(TopicPartition, Option<Pause>)> {
        let differs = |(partition, breaker): (&TopicPartition, &Breaker)| {
            let pause = breaker.pause().cloned();
            (breaker.recorded.as_ref()? != &pause).then(|| (partition.clone(), pause))
        };
        self.breakers.iter().filter_map(differs).collect()
    }

    /// This was written down.
    pub fn recorded(&mut self, partition: &TopicPartition, pause: Option<Pause>) {
        if let Some(breaker) = self.breakers.get_mut(partition) {
            breaker.recorded = Some(pause);
        }
    }

    /// What is written down of all partitions of the group, as it was found after everything in [`Self::unrecorded`] was
    /// written. What we wrote and is not there any more, an operator has removed: the partition goes on.
    pub fn found(&mut self, found: &BTreeMap<TopicPartition, Pause>) {
        for (partition, breaker) in &mut self.breakers {
            let found = found.get(partition).cloned();
            match (&breaker.recorded, &found, &breaker.state) {
                (None, None, _) if std::mem::take(&mut breaker.has_left) => {
                    // What was good is read again, too.
                    breaker.window = Window::default();
                    self.turns.push(Turn::ReadsAgain(partition.clone()));
                }
                (None, Some(pause), State::Closed) => {
                    breaker.state = State::Open(pause.clone());
                    let paused = Turn::Paused(partition.clone(), pause.clone());
                    self.turns.push(paused);
                }
                (Some(Some(_)), None, State::Open(_) | State::HalfOpen(..)) => {
                    if matches!(breaker.state, State::Open(_)) {
                        self.turns.push(Turn::ReadsAgain(partition.clone()));
                    }
                    self.turns.push(Turn::GoesOn(partition.clone()));
                    (breaker.state, breaker.window) = Default::default();
                }
                _ => {}
            }
            breaker.recorded = Some(found);
        }
    }
}

impl Breaker {
    fn pause(&self) -> Option<&Pause> {
        self.state.pause()
    }

    fn open(
        &mut self,
        partition: &TopicPartition,
        last: &str,
        limits: &DeadLetterLimits,
        now_ms: i64,
    ) -> Pause {
        let (since_ms, trials) = match self.state.pause() {
            Some(failed) => (failed.since_ms, failed.trials.saturating_add(1)),
            None => (now_ms, 0),
        };
        let doubled = limits.pause_ms.saturating_mul(1 << trials.min(32));
        let Window { bad, .. } = self.window;
        let pause = Pause {
            since_ms,
            until_ms: now_ms.saturating_add(millis(doubled.min(limits.pause_max_ms))),
            trials,
            why: format!(
                "{bad} of the last {} records of {partition} could not be read, the last because: {last}",
                self.window.len()
            ),
        };
        self.state = State::Open(pause.clone());
        self.window = Window::default();
        pause
    }
}

/// Which of the last records of a partition could not be read.
#[derive(Clone, Debug, Default)]
struct Window {
    records: VecDeque<bool>,
    bad: usize,
}

impl Window {
    fn note(&mut self, is_bad: bool, records_max: usize) {
        self.records.push_back(is_bad);
        self.bad += usize::from(is_bad);
        if self.records.len() > records_max && self.records.pop_front() == Some(true) {
            self.bad -= 1;
        }
    }

    fn len(&self) -> usize {
        self.records.len()
    }

    fn ratio(&self) -> f64 {
        self.bad as f64 / self.len().max(1) as f64
    }

    /// A trial is lost as soon as the rest of its records cannot save it.
    fn is_too_much(&self, is_trial: bool, limits: &DeadLetterLimits) -> bool {
        if is_trial {
            let records = self.len().max(limits.trial_records);
            return self.bad as f64 > limits.invalid_ratio_max * records as f64;
        }
        self.len() >= limits.records_min && self.ratio() > limits.invalid_ratio_max
    }
}

fn millis(config_ms: u64) -> i64 {
    i64::try_from(config_ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
