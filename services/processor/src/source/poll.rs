//! The poll thread: takes records from Kafka for as long as there is room for them, and serves the client's callbacks.
//!
//! A record for which there is no room is held, and nothing is polled. Only after `pause_after_ms` of that are the
//! partitions paused and polled again, since pausing throws away what the client has fetched, and not polling for
//! `max_poll_interval_ms` would cost us the partitions.

use super::complaints::Complaints;
use super::config::KafkaConfig;
use super::context::{Context, Outbox, Owned, commit_last};
use super::ends;
use super::handle::{Command, SourceHandle, Stopped};
use super::pausing::Pausing;
use super::queue::{Offered, Queue};
use super::seeks::Seeks;
use super::{Event, NextOffset, Position, Record, SourceError};
use crate::metrics as names;
use metrics::{counter, gauge};
use rdkafka::Statistics;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use runtime::clock::{Clock, SystemClock};
use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error};

/// Longest wait for a record. Commands wait for as long.
const POLL_WAIT: Duration = Duration::from_millis(50);
/// How often it is looked whether there is room again.
const PRESSURE_WAIT: Duration = Duration::from_millis(5);

/// Statistics in which a commit must show, or it is repeated.
const CONFIRM_WITHIN: u32 = 3;

/// Starts the thread. What it learns goes into `events`.
pub(super) fn spawn(
    config: KafkaConfig,
    events: mpsc::Sender<Event>,
) -> Result<SourceHandle, SourceError> {
    let queue = Arc::new(Queue::new(events, config.queue_bytes_max));
    let context = Context::new(
        Arc::clone(&queue),
        Duration::from_millis(config.revoke_wait_ms),
    );
    let consumer: BaseConsumer<Context> =
        config
            .consumer()
            .create_with_context(context)
            .map_err(|source| SourceError::Client {
                client: "consumer",
                source,
            })?;
    let topics: Vec<&str> = config
        .topics
        .iter()
        .map(|topic| topic.name.as_str())
        .collect();
    consumer
        .subscribe(&topics)
        .map_err(|source| SourceError::Subscribe {
            topics: topics.join(", "),
            source,
        })?;
    let (commands, received) = channel();
    let poll = Poll {
        consumer,
        queue,
        commands: received,
        config,
        held: VecDeque::new(),
        pausing: Pausing::default(),
        seeks: Seeks::default(),
        unsettled: None,
        complaints: Complaints::default(),
    };
    std::thread::Builder::new()
        .name("kafka-poll".to_owned())
        .spawn(move || poll.run())
        .map_err(SourceError::Thread)?;
    Ok(SourceHandle { commands })
}

struct Poll {
    consumer: BaseConsumer<Context>,
    queue: Arc<Queue>,
    commands: Receiver<Command>,
    config: KafkaConfig,
    /// Records that are not handed on yet, in order: one, or a few when pausing crossed with a fetch.
    held: VecDeque<Record>,
    pausing: Pausing,
    seeks: Seeks,
    /// Statistics whose open questions are answered when the client runs dry.
    unsettled: Option<Statistics>,
    complaints: Complaints,
}

/// Why the loop ends.
enum End {
    Stop(Vec<NextOffset>, oneshot::Sender<Stopped>),
    Failed(SourceError),
    /// Nobody can tell it anything any more.
    Abandoned,
}

const GO_ON: ControlFlow<End> = ControlFlow::Continue(());

impl Poll {
    fn run(mut self) {
        let end = loop {
            if let ControlFlow::Break(end) = self.turn() {
                break end;
            }
        };
        match end {
            End::Stop(last, stopped) => {
                let outcome = self.stop(last);
                drop(self);
                // Who asked may have given up waiting.
                let _ = stopped.send(outcome);
            }
            End::Failed(cause) => {
                error!(error = %cause, "the Kafka consumer cannot go on");
                if let Offered::Full(_) = self.queue.offer(Event::Failed(cause)) {
                    debug!("the events' channel is full; its closing tells the rest");
                }
            }
            End::Abandoned => debug!("nobody holds the source any more"),
        }
    }

    fn turn(&mut self) -> ControlFlow<End> {
        match self.commands.try_recv() {
            Ok(command) => self.obey(command)?,
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return ControlFlow::Break(End::Abandoned),
        }
        for sought in self.seeks.try_all(&self.consumer) {
            self.held
                .retain(|record| record.at.partition != sought.partition);
        }
        self.commit();
        let pause_after = Duration::from_millis(self.config.pause_after_ms);
        if let Err(cause) = self.pausing.apply(&self.consumer, pause_after) {
            self.complaints.tell(&cause);
        }
        self.hand_on();
        if self.pausing.pressed_since.is_some() {
            self.wait_for_room()?;
        } else {
            self.poll()?;
            self.hand_on();
        }
        self.look_at_statistics();
        GO_ON
    }

    /// Hands on what is held, in order, as long as there is room. Records do not overtake the assignment they belong to.
    fn hand_on(&mut self) {
        let context = Arc::clone(self.consumer.context());
        match context.send_outbox() {
            Outbox::Empty => {}
            Outbox::Waiting => return self.pausing.press(),
            Outbox::Closed => return self.fall_silent(),
        }
        while let Some(record) = self.held.pop_front() {
            let Position {
                partition,
                offset,
                generation,
            } = record.at.clone();
            let is_ours = |owned: &Owned| owned.generation == generation;
            if !context
                .state
                .lock()
                .owned
                .get(&partition)
                .is_some_and(is_ours)
            {
                // Given away while it was held.
                continue;
            }
            match self.queue.offer_record(record) {
                Offered::Taken => {
                    if let Some(owned) = context.state.lock().owned.get_mut(&partition) {
                        owned.reading.next_offset = Some(offset + 1);
                    }
                }
                Offered::Full(Event::Record(record)) => {
                    self.held.push_front(record);
                    return self.pausing.press();
                }
                Offered::Full(_) | Offered::Closed => return self.fall_silent(),
            }
        }
        self.pausing.pressed_since = None;
    }

    /// The pipeline takes nothing more, but may still finish what it has and commit it.
    fn fall_silent(&mut self) {
        self.held.clear();
        self.pausing.pressed_since = None;
        self.pausing.is_silent = true;
    }

    fn wait_for_room(&mut self) -> ControlFlow<End> {
        if self.pausing.is_paused() {
            // Polling brings no records now, and keeps our place in the group.
            return self.poll();
        }
        match self.commands.recv_timeout(PRESSURE_WAIT) {
            Ok(command) => self.obey(command),
            Err(RecvTimeoutError::Timeout) => GO_ON,
            Err(RecvTimeoutError::Disconnected) => ControlFlow::Break(End::Abandoned),
        }
    }

    /// Takes one record from the client, and lets it call back.
    fn poll(&mut self) -> ControlFlow<End> {
        let begun = Instant::now();
        match self.consumer.poll(POLL_WAIT) {
            Some(Ok(message)) => {
                let record = copy(&message, self.consumer.context());
                self.held.extend(record);
                GO_ON
            }
            // A poll that returns early has served a callback and says nothing about records.
            None if begun.elapsed() >= POLL_WAIT => {
                self.settle();
                GO_ON
            }
            None | Some(Err(KafkaError::PartitionEOF(_))) => GO_ON,
            Some(Err(cause @ KafkaError::MessageConsumptionFatal(_))) => {
                ControlFlow::Break(End::Failed(SourceError::Fatal(cause)))
            }
            Some(Err(cause)) => {
                self.complaints.tell(&cause);
                GO_ON
            }
        }
    }

    fn obey(&mut self, command: Command) -> ControlFlow<End> {
        match command {
            Command::Commit(next) => {
                let mut state = self.consumer.context().state.lock();
                // A partition that was given away is its next owner's to commit.
                for next in next {
                    if state.owned.contains_key(&next.partition) {
                        state.commits.want(next);
                    }
                }
            }
            Command::Seek(to) => self.seeks.want(to),
            Command::Pause => self.pausing.is_requested = true,
            Command::Resume => self.pausing.is_requested = false,
            Command::Stop { last, stopped } => {
                return ControlFlow::Break(End::Stop(last, stopped));
            }
        }
        GO_ON
    }

    fn commit(&mut self) {
        let interval = Duration::from_millis(self.config.commit_interval_ms);
        let confirm_within =
            interval + Duration::from_millis(self.config.statistics_interval_ms) * CONFIRM_WITHIN;
        let due = self.consumer.context().state.lock().commits.due(
            Instant::now(),
            interval,
            confirm_within,
        );
        let Some(due) = due else {
            return;
        };
        counter!(names::OFFSETS_COMMITTED).increment(1);
        counter!(names::COMMIT_ERRORS).increment(due.repeated);
        // That the client takes the commit says nothing of its outcome: see `commits`.
        if let Err(cause) = self.consumer.commit(&due.list, CommitMode::Async) {
            self.complaints.tell(&cause);
        }
    }

    /// Tells which partitions are at their end, and measures lag.
    fn look_at_statistics(&mut self) {
        let statistics = self.consumer.context().state.lock().statistics.take();
        if let Some(statistics) = statistics {
            self.send_ends(&statistics, false);
            self.unsettled = Some(statistics);
        }
    }

    /// The client has run dry: whatever the last statistics left open is at its end.
    fn settle(&mut self) {
        if let Some(statistics) = self.unsettled.take() {
            self.send_ends(&statistics, true);
        }
    }

    fn send_ends(&mut self, statistics: &Statistics, is_idle: bool) {
        let owned = self.consumer.context().state.lock().owned.clone();
        let reading = |owned: &Owned| ends::Reading {
            is_idle,
            ..owned.reading
        };
        let readings: HashMap<_, _> = owned
            .iter()
            .map(|(partition, owned)| (partition.clone(), reading(owned)))
            .collect();
        for status in ends::of(statistics, &readings) {
            let partition = status.partition;
            if let Some(offset) = status.committed_offset {
                self.consumer
                    .context()
                    .state
                    .lock()
                    .commits
                    .confirm(&partition, offset);
            }
            if let Some(lag) = status.lag {
                let labels = [
                    ("topic", partition.topic.to_string()),
                    ("partition", partition.partition.to_string()),
                ];
                gauge!(names::LAG, &labels).set(lag as f64);
            }
            let generation = owned.get(&partition).map(|owned| owned.generation);
            // While something is held or paused, an end means nothing.
            let is_current = self.held.is_empty()
                && self.pausing.pressed_since.is_none()
                && !self.pausing.is_paused();
            let (Some(end_offset), Some(generation), true) =
                (status.end_offset, generation, is_current)
            else {
                continue;
            };
            // An end that does not fit in is told again with the next statistics.
            let event = Event::EndOfPartition {
                partition,
                generation,
                end_offset,
            };
            if let Offered::Closed = self.queue.offer(event) {
                return self.fall_silent();
            }
        }
    }

    /// Commits for the last time. The group is left when the consumer is dropped.
    fn stop(&mut self, last: Vec<NextOffset>) -> Stopped {
        let context = self.consumer.context();
        let mut state = context.state.lock();
        state.is_stopping = true;
        let partitions: Vec<_> = state.owned.keys().cloned().collect();
        for next in last {
            if state.owned.contains_key(&next.partition) {
                state.commits.want(next);
            }
        }
        let last = state.commits.take(&partitions);
        drop(state);
        let deadline = Instant::now() + Duration::from_millis(self.config.revoke_wait_ms);
        match last.count() == 0 || commit_last(&self.consumer, &last, deadline) {
            true => Stopped::Committed,
            false => Stopped::Uncommitted,
        }
    }
}

/// `None` for a record of a partition that is not ours any more.
fn copy(message: &BorrowedMessage<'_>, context: &Context) -> Option<Record> {
    let mut state = context.state.lock();
    let partition = state.partition(message.topic(), message.partition());
    let generation = state.owned.get(&partition)?.generation;
    let at = Position {
        partition,
        offset: message.offset(),
        generation,
    };
    Some(Record::copy(message, at, SystemClock.now_ms()))
}
