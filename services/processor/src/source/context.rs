//! What the client calls back while it is polled, turned into events and notes for the poll loop.

use super::commits::{Commits, is_transient};
use super::ends::Reading;
use super::starts;
use super::{Begun, Commitment, Event, Start, TopicPartition};
use crate::metrics as names;
use metrics::counter;
use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Statistics, TopicPartitionList};
use runtime::clock::{Clock, SystemClock};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot::{self, error::TryRecvError};
use tracing::{debug, error, info, warn};

/// How often an outstanding answer is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Shared by the callbacks and the poll loop, which run on the same thread: the lock is never waited for.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) state: Mutex<State>,
    control: Sender<Event>,
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
    generation: u64,
    topics: HashMap<String, Arc<str>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Owned {
    pub(super) generation: u64,
    pub(super) reading: Reading,
    /// What the last statistics said of an end beyond what was handed on, or before it. It takes two to be believed.
    pub(super) candidate: Option<i64>,
}

impl State {
    /// Begins a new reading of a partition.
    pub(super) fn begin(
        &mut self,
        partition: TopicPartition,
        start: Option<Start>,
        is_from_beginning: bool,
    ) -> Begun {
        self.generation += 1;
        self.commits.forget(&partition);
        let now_ms = SystemClock.now_ms();
        let reading = Reading {
            next_offset: start.map(|start| start.offset),
            end_offset: None,
            begun_ms: now_ms,
            moved_ms: now_ms,
        };
        let owned = Owned {
            generation: self.generation,
            reading,
            candidate: None,
        };
        self.owned.insert(partition.clone(), owned);
        Begun {
            partition,
            generation: self.generation,
            start,
            is_from_beginning,
        }
    }

    /// Takes note of what is to be committed. What does not belong to the present reading of its partition is not: its next
    /// reading commits. Nor is what passes all that is known in it, which is told: nobody can have done that.
    pub(super) fn want(&mut self, commitments: Vec<Commitment>) {
        for commitment in commitments {
            let owned = self.owned.get(&commitment.next.partition);
            let of_now = owned.filter(|owned| owned.generation == commitment.generation);
            let Some(owned) = of_now else { continue };
            if Some(commitment.next.offset) > owned.reading.known_offset() {
                tell_breach(&commitment);
            } else {
                self.commits.want(commitment);
            }
        }
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

/// A commit that would pass what was read and done. It is not made.
pub(crate) fn tell_breach(commitment: &Commitment) {
    counter!(names::COMMIT_BREACHES).increment(1);
    error!(
        partition = %commitment.next.partition,
        offset = commitment.next.offset,
        generation = commitment.generation,
        "a commit would have passed what was read and done, and was not made: this is a bug, please report it"
    );
}

impl Context {
    pub(super) fn new(control: Sender<Event>, revoke_wait: Duration) -> Self {
        Self {
            state: Mutex::default(),
            control,
            revoke_wait,
        }
    }

    /// Sends an event that must not be lost. The pipeline takes these whatever it has to do; where it does not, the poll
    /// thread stands still with it, and the group gives our partitions to others. False when nobody takes events any more.
    pub(super) fn send(&self, event: Event) -> bool {
        self.control.blocking_send(event).is_ok()
    }

    /// Sends an event that is told again if it has no room now. False when nobody takes events any more.
    pub(super) fn offer(&self, event: Event) -> bool {
        use tokio::sync::mpsc::error::TrySendError;
        !matches!(self.control.try_send(event), Err(TrySendError::Closed(_)))
    }

    fn assigned(&self, consumer: &BaseConsumer<Self>, list: &mut TopicPartitionList) {
        let starts = starts::look_up(consumer, list);
        if let Err(cause) = consumer.assign(list) {
            // The client asks for the assignment again, or fails for good, which polling tells.
            error!(error = %cause, "the client refuses its assignment");
        }
        let mut state = self.state.lock();
        let partitions = state.partitions(list);
        let begun = partitions.into_iter().map(|partition| {
            let found = starts.get(&partition).copied();
            let is_from_beginning = found.is_some_and(|found| found.is_from_beginning);
            state.begin(partition, found.map(|found| found.start), is_from_beginning)
        });
        let begun = begun.collect();
        state.is_newly_assigned = true;
        drop(state);
        self.send(Event::Assigned(begun));
    }

    fn revoked(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let is_lost = consumer.assignment_lost();
        let mut state = self.state.lock();
        let partitions = state.partitions(list);
        let is_stopping = state.is_stopping;
        drop(state);
        if !partitions.is_empty() {
            if is_lost {
                info!(
                    ?partitions,
                    "partitions were lost before they could be given away"
                );
                self.forget(&partitions);
                self.send(Event::Lost(partitions));
            } else {
                self.give_away(consumer, partitions, is_stopping);
            }
        }
        // What was paused would stay so in the client when it is assigned to us again.
        if list.count() > 0
            && let Err(cause) = consumer.resume(list)
        {
            debug!(error = %cause, "partitions that go cannot be resumed");
        }
        if let Err(cause) = consumer.unassign() {
            error!(error = %cause, "the client cannot give its partitions away");
        }
    }

    fn give_away(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: Vec<TopicPartition>,
        is_stopping: bool,
    ) {
        let deadline = Instant::now() + self.revoke_wait;
        if !is_stopping {
            let (ack, answer) = oneshot::channel();
            let partitions = partitions.clone();
            self.send(Event::Revoked { partitions, ack });
            let done = wait(answer, deadline);
            self.state.lock().want(done);
        }
        let last = self.state.lock().commits.take(&partitions);
        self.forget(&partitions);
        if last.count() > 0 {
            commit_last(consumer, &last, deadline);
        }
    }

    fn forget(&self, partitions: &[TopicPartition]) {
        let mut state = self.state.lock();
        for partition in partitions {
            state.owned.remove(partition);
            state.commits.forget(partition);
            super::tell_lag(partition, 0);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the poll thread is ours alone, and waits within the time that the group gives it"
)]
fn look_again_later() {
    std::thread::sleep(LOOK_AGAIN);
}

/// The answer of the pipeline, or nothing when it takes too long: then what was asked for before is committed.
fn wait(mut answer: oneshot::Receiver<Vec<Commitment>>, deadline: Instant) -> Vec<Commitment> {
    while Instant::now() < deadline {
        match answer.try_recv() {
            Ok(next) => return next,
            Err(TryRecvError::Closed) => return Vec::new(),
            Err(TryRecvError::Empty) => look_again_later(),
        }
    }
    warn!("the pipeline did not answer a revocation in time; some records will be read again");
    Vec::new()
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
        look_again_later();
    }
}

impl ConsumerContext for Context {
    /// Instead of the client's own way, which leaves it open where reading begins: we look that up, and begin there.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assigned(consumer, list),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => self.revoked(consumer, list),
            other => {
                warn!(error = ?other, "the group could not rebalance");
                self.revoked(consumer, list);
            }
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
        kafka::log(level, facility, message);
    }
}
