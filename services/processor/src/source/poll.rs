//! The poll thread: takes records from Kafka for as long as there is room for them, and serves the client's callbacks.
//!
//! A record for which there is no room is held, and nothing is polled. Only after `pause_after_ms` of that are the
//! partitions paused and polled again, since pausing throws away what the client has fetched, and not polling for
//! `max_poll_interval_ms` would cost us the partitions.

use super::asking::{self, PassedOver};
use super::complaints::Complaints;
use super::config::KafkaConfig;
use super::context::{Context, commit_last};
use super::handle::{Command, SourceHandle, Stopped};
use super::pausing::Pausing;
use super::queue::{Offered, Queue};
use super::seeks::Seeks;
use super::statistics::Reachability;
use super::{Commitment, Event, Position, Record, SourceError, Start, TopicPartition};
use crate::metrics as names;
use metrics::counter;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use runtime::clock::{Clock, SystemClock};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error, warn};

/// Longest wait for a record. Commands wait for as long.
const POLL_WAIT: Duration = Duration::from_millis(50);
/// How often it is looked whether there is room again.
const PRESSURE_WAIT: Duration = Duration::from_millis(5);

/// Statistics in which a commit must show, or it is repeated.
const CONFIRM_WITHIN: u32 = 3;

/// Starts the thread. What it learns goes into `control` and `records`.
pub(super) fn spawn(
    config: KafkaConfig,
    control: mpsc::Sender<Event>,
    records: mpsc::Sender<Record>,
) -> Result<SourceHandle, SourceError> {
    let queue = Queue::new(records, config.queue_bytes_max);
    let passed_over = asking::spawn(&config, control.clone())?;
    let context = Context::new(control, Duration::from_millis(config.revoke_wait_ms));
    let consumer: BaseConsumer<Context> = config
        .consumer()
        .create_with_context(context)
        .map_err(|cause| kafka::ClientError::new("consumer", &cause))?;
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
        passed_over,
        reachability: Reachability::default(),
        complaints: Complaints::default(),
    };
    std::thread::Builder::new()
        .name("kafka-poll".to_owned())
        .spawn(move || poll.run())
        .map_err(SourceError::Thread)?;
    Ok(SourceHandle { commands })
}

pub(super) struct Poll {
    pub(super) consumer: BaseConsumer<Context>,
    pub(super) queue: Queue,
    pub(super) commands: Receiver<Command>,
    pub(super) config: KafkaConfig,
    /// Records that are not handed on yet, in order: one, or a few when pausing crossed with a fetch.
    pub(super) held: VecDeque<Record>,
    pub(super) pausing: Pausing,
    pub(super) seeks: Seeks,
    /// See [`asking`].
    passed_over: Sender<PassedOver>,
    pub(super) reachability: Reachability,
    pub(super) complaints: Complaints,
}

/// Why the loop ends.
enum End {
    Stop(Vec<Commitment>, oneshot::Sender<Stopped>),
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
                self.consumer.context().send(Event::Failed(cause));
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
            self.held.retain(|record| record.at.partition != sought);
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

    /// Hands on what is held, in order, as long as there is room.
    fn hand_on(&mut self) {
        while let Some(mut record) = self.held.pop_front() {
            let Some(next) = self.place(&mut record) else {
                // Given away, or read from elsewhere, while it was held.
                continue;
            };
            let (partition, offset) = (record.at.partition.clone(), record.at.offset);
            match self.queue.offer(record) {
                Offered::Taken => {
                    if let Some(next) = next.filter(|next| *next < offset) {
                        self.pass_over(&partition, next, offset);
                    }
                    let mut state = self.consumer.context().state.lock();
                    if let Some(owned) = state.owned.get_mut(&partition) {
                        owned.reading.next_offset = Some(offset + 1);
                        owned.reading.moved_ms = SystemClock.now_ms();
                    }
                }
                Offered::Full(record) => {
                    self.held.push_front(record);
                    return self.pausing.press();
                }
                Offered::Closed => return self.fall_silent(),
            }
        }
        self.pausing.pressed_since = None;
    }

    /// Where its partition's reading stands, of a record that belongs to it. One from before where it stands begins a new
    /// reading: the topic was made anew, and the client has begun again at its beginning.
    fn place(&mut self, record: &mut Record) -> Option<Option<i64>> {
        let Position {
            partition,
            offset,
            generation,
        } = &record.at;
        let owned = self
            .consumer
            .context()
            .state
            .lock()
            .owned
            .get(partition)
            .copied();
        let owned = owned.filter(|owned| owned.generation == *generation)?;
        let known = owned.reading.known_offset();
        if known.is_none_or(|known| known <= *offset) {
            return Some(known);
        }
        let (partition, offset, old) = (partition.clone(), *offset, *generation);
        let generation = self.begin_anew(&partition, offset, known);
        let held = self.held.iter_mut().chain([record]);
        for record in held.filter(|record| record.at.partition == partition) {
            if record.at.generation == old {
                record.at.generation = generation;
            }
        }
        Some(Some(offset))
    }

    pub(super) fn pass_over(&self, partition: &TopicPartition, from_offset: i64, to_offset: i64) {
        // Who asks is gone only when nobody takes events any more.
        let _ = self.passed_over.send(PassedOver {
            partition: partition.clone(),
            from_offset,
            to_offset,
        });
    }

    /// A record came that lies before what was read: Kafka's client has begun again at the beginning by itself.
    fn begin_anew(&self, partition: &TopicPartition, offset: i64, stood_at: Option<i64>) -> u64 {
        tell_anew(partition, offset, stood_at);
        let start = Start {
            offset,
            time_ms: None,
        };
        let context = self.consumer.context();
        let mut state = context.state.lock();
        let begun = state.begin(partition.clone(), Some(start), true);
        drop(state);
        let generation = begun.generation;
        context.send(Event::Assigned(vec![begun]));
        generation
    }

    /// The pipeline takes nothing more, but may still finish what it has and commit it.
    pub(super) fn fall_silent(&mut self) {
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
        match self.consumer.poll(POLL_WAIT) {
            Some(Ok(message)) => {
                let record = copy(&message, self.consumer.context());
                self.held.extend(record);
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
                self.consumer.context().state.lock().want(next);
            }
            Command::Seek(partition, to) => self.seeks.want(partition, to),
            Command::Pause => self.pausing.is_requested = true,
            Command::Resume => self.pausing.is_requested = false,
            Command::StandStill(partitions) => {
                self.held
                    .retain(|record| !partitions.contains(&record.at.partition));
                self.pausing.standing = partitions;
            }
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

    /// Commits for the last time. The group is left when the consumer is dropped.
    fn stop(&mut self, last: Vec<Commitment>) -> Stopped {
        let context = self.consumer.context();
        let mut state = context.state.lock();
        state.is_stopping = true;
        let partitions: Vec<_> = state.owned.keys().cloned().collect();
        state.want(last);
        let last = state.commits.take(&partitions);
        drop(state);
        let deadline = Instant::now() + Duration::from_millis(self.config.revoke_wait_ms);
        match last.count() == 0 || commit_last(&self.consumer, &last, deadline) {
            true => Stopped::Committed,
            false => Stopped::Uncommitted,
        }
    }
}

/// Kafka holds less of a partition than was read of it.
pub(super) fn tell_anew(partition: &TopicPartition, offset: i64, stood_at: Option<i64>) {
    warn!(
        partition = %partition,
        offset,
        stood_at,
        "the topic was deleted and made anew, or has lost its end: it is read from there on"
    );
    counter!(names::PARTITIONS_RESTARTED, "topic" => partition.topic.to_string()).increment(1);
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
