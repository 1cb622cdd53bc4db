//! What the client calls back while it is polled, turned into events and notes for the poll loop.

use super::commits::{Commits, is_transient};
use super::ends::Reading;
use super::queue::{Offered, Queue};
use super::{Event, NextOffset, TopicPartition};
use crate::metrics as names;
use metrics::counter;
use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::{Statistics, TopicPartitionList};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot::{self, error::TryRecvError};
use tracing::{debug, error, info, warn};

/// A pipeline that has not taken so many assignments and revocations is not running any more.
const OUTBOX_MAX: usize = 64;
/// How often a full queue or an outstanding answer is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Shared by the callbacks and the poll loop, which run on the same thread: the lock is never waited for.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) state: Mutex<State>,
    queue: Arc<Queue>,
    revoke_wait: Duration,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// The partitions that are ours.
    pub(super) owned: HashMap<TopicPartition, Owned>,
    pub(super) commits: Commits,
    pub(super) statistics: Option<Statistics>,
    /// Set by an assignment: what was paused is not any more.
    pub(super) is_newly_assigned: bool,
    /// Set at the end: a revocation then asks nobody.
    pub(super) is_stopping: bool,
    /// Assignments and revocations for which the queue had no room yet. They go before anything else.
    outbox: VecDeque<Event>,
    generation: u64,
    topics: HashMap<String, Arc<str>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Owned {
    pub(super) generation: u64,
    pub(super) reading: Reading,
}

/// What became of the events that must not be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outbox {
    Empty,
    /// Some have no room yet.
    Waiting,
    /// Nobody takes them any more.
    Closed,
}

impl State {
    /// Begins a new reading of a partition and returns its generation.
    pub(super) fn begin(&mut self, partition: TopicPartition) -> u64 {
        self.generation += 1;
        let generation = self.generation;
        self.commits.forget(&partition);
        let reading = Reading::default();
        self.owned.insert(
            partition,
            Owned {
                generation,
                reading,
            },
        );
        generation
    }

    pub(super) fn partition(&mut self, topic: &str, partition: i32) -> TopicPartition {
        let topic = match self.topics.get(topic) {
            Some(known) => Arc::clone(known),
            // Bounded: only topics of the configuration are read.
            None => {
                let shared: Arc<str> = topic.into();
                self.topics.insert(topic.to_owned(), Arc::clone(&shared));
                shared
            }
        };
        TopicPartition { topic, partition }
    }

    fn partitions(&mut self, list: &TopicPartitionList) -> Vec<TopicPartition> {
        // Asking an empty list for its elements is undefined in the client.
        if list.count() == 0 {
            return Vec::new();
        }
        list.elements()
            .iter()
            .map(|element| self.partition(element.topic(), element.partition()))
            .collect()
    }
}

impl Context {
    pub(super) fn new(queue: Arc<Queue>, revoke_wait: Duration) -> Self {
        let state = Mutex::default();
        Self {
            state,
            queue,
            revoke_wait,
        }
    }

    /// Sends what had no room before.
    pub(super) fn send_outbox(&self) -> Outbox {
        let mut state = self.state.lock();
        while let Some(event) = state.outbox.pop_front() {
            match self.queue.offer(event) {
                Offered::Taken => {}
                Offered::Full(event) if state.outbox.len() < OUTBOX_MAX => {
                    state.outbox.push_front(event);
                    return Outbox::Waiting;
                }
                Offered::Full(_) | Offered::Closed => return Outbox::Closed,
            }
        }
        Outbox::Empty
    }

    /// Sends an event that must not be lost, after those that were not sent yet.
    pub(super) fn send(&self, event: Event) {
        self.state.lock().outbox.push_back(event);
        // What has no room now goes with one of the next turns, and a closed queue is noticed there.
        let _ = self.send_outbox();
    }

    fn assigned(&self, list: &TopicPartitionList) {
        let mut state = self.state.lock();
        let partitions = state.partitions(list);
        let begun: Vec<_> = partitions
            .into_iter()
            .map(|partition| (partition.clone(), state.begin(partition)))
            .collect();
        state.is_newly_assigned = true;
        drop(state);
        self.send(Event::Assigned(begun));
    }

    fn revoked(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let mut state = self.state.lock();
        let partitions = state.partitions(list);
        for partition in &partitions {
            state.owned.remove(partition);
        }
        let is_lost = consumer.assignment_lost();
        let is_stopping = state.is_stopping;
        drop(state);
        if partitions.is_empty() {
            return;
        }
        let deadline = Instant::now() + self.revoke_wait;
        if !is_stopping {
            let (ack, answer) = oneshot::channel();
            self.send(Event::Revoked {
                partitions: partitions.clone(),
                ack,
            });
            let done = if is_lost {
                Vec::new()
            } else {
                self.wait(answer, deadline)
            };
            let mut state = self.state.lock();
            done.into_iter().for_each(|next| state.commits.want(next));
        }
        let last = self.state.lock().commits.take(&partitions);
        if is_lost {
            info!(
                ?partitions,
                "partitions were lost before they could be given away"
            );
        } else if last.count() > 0 {
            commit_last(consumer, &last, deadline);
        }
    }

    /// The answer of the pipeline, or nothing when it takes too long: then what was asked for before is committed.
    fn wait(
        &self,
        mut answer: oneshot::Receiver<Vec<NextOffset>>,
        deadline: Instant,
    ) -> Vec<NextOffset> {
        while Instant::now() < deadline {
            match answer.try_recv() {
                Ok(next) => return next,
                Err(TryRecvError::Closed) => return Vec::new(),
                Err(TryRecvError::Empty) => std::thread::sleep(LOOK_AGAIN),
            }
            if self.send_outbox() == Outbox::Closed {
                return Vec::new();
            }
        }
        warn!("the pipeline did not answer a revocation in time; some records will be read again");
        Vec::new()
    }
}

/// Commits and waits for the answer, again until the deadline where that may help. False when it failed. One try takes
/// as long as the client takes to give up on a coordinator that is away, `session_timeout_ms`.
pub(super) fn commit_last(
    consumer: &BaseConsumer<Context>,
    last: &TopicPartitionList,
    deadline: Instant,
) -> bool {
    loop {
        let cause = match consumer.commit(last, CommitMode::Sync) {
            Ok(()) => {
                counter!(names::OFFSETS_COMMITTED).increment(1);
                return true;
            }
            Err(cause) => cause,
        };
        counter!(names::COMMIT_ERRORS).increment(1);
        if !is_transient(&cause) || Instant::now() >= deadline {
            warn!(error = %cause, "the last commit failed; some records will be read again");
            return false;
        }
        debug!(error = %cause, "the last commit failed and is repeated");
        std::thread::sleep(LOOK_AGAIN);
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            self.revoked(consumer, list);
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => self.assigned(list),
            Rebalance::Revoke(_) => {}
            Rebalance::Error(cause) => warn!(error = %cause, "the group could not rebalance"),
        }
    }
}

impl ClientContext for Context {
    fn stats(&self, statistics: Statistics) {
        self.state.lock().statistics = Some(statistics);
    }

    /// Errors also come as the outcome of polling, where they are dealt with.
    fn error(&self, cause: KafkaError, reason: &str) {
        debug!(error = %cause, reason, "the Kafka client reports");
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }
}

/// The client's own log. What it calls an error it usually recovers from by itself.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel as Level;
    match level {
        Level::Emerg | Level::Alert | Level::Critical => {
            error!(target: "kafka", facility, "{message}")
        }
        Level::Error | Level::Warning => warn!(target: "kafka", facility, "{message}"),
        Level::Notice | Level::Info => info!(target: "kafka", facility, "{message}"),
        Level::Debug => debug!(target: "kafka", facility, "{message}"),
    }
}
