//! READ THIS FIRST: the way of a record through the processor, from top to bottom.
//!
//! ```text
//! poll thread ─events─► pipeline ─► readers: decode ► normalise ► prepare
//!            ─records─►    ▲           │            │ every span          │ those that carry an id
//!                          │           │            ▼                     ▼
//!                          │  cannot be read     placing: ─ where the ─► shards: assemble ► commit
//!                          │           ▼         trace ►     others          │   index ► notify
//!                          │      dead letters   commit      stand           │
//!                          └──────── record done ┴──────────┴────────────────┘
//! ```
//!
//! One task, [`Pipeline::run`], hears of everything in one order: assignments and revocations, finished records, answers of
//! the store, time, and, when there is room, records. It tells the [`Books`], which know which records are in flight, which
//! offsets may be committed and how far time has got, and carries out what they say. Channels between the stages have no
//! bound of their own, because what is in flight as a whole has: beyond `in_flight_records_max` or `in_flight_bytes_max` no
//! further record is taken from the poll thread, which then pauses Kafka. Everything but records is always taken.

use crate::books::{self, Answer, Ask, Books, Command, HandoverId};
use crate::config::ProcessorConfig;
use crate::item::{Ends, GivenUp, Ticket};
use crate::metrics as names;
use crate::notices::{say, tell_paused};
use crate::out::dead_letters::breaker::Turn;
use crate::out::dead_letters::guard::Guard;
use crate::reading::stages::{Format, Stages};
use crate::shards::job::Close;
use crate::source::{
    Commitment, Event, Incoming, Position, Record, SourceHandle, Stopped, TopicPartition,
};
use metrics::{counter, gauge};
use runtime::clock::Clock;
use runtime::health::{Condition, Heartbeat};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

/// How often the books are told that time has passed: a round of looking, saving and committing begins.
const TICK: Duration = Duration::from_secs(1);
/// For recording the last progress at a stop.
const RECORD_TIMEOUT: Duration = Duration::from_secs(2);

/// The ends of the channels between the loop and what it drives.
#[derive(Debug)]
pub struct Pipeline {
    pub config: ProcessorConfig,
    /// How far behind now a partition counts that holds nothing more.
    pub idle_lateness_ms: i64,
    pub clock: Arc<dyn Clock>,
    pub formats: HashMap<Arc<str>, Format>,
    pub books: Books,
    pub source: SourceHandle,
    pub incoming: Incoming,
    pub stages: Stages,
    /// Records that are done, and those that are given up.
    pub ends: Ends,
    pub finished: UnboundedReceiver<Position>,
    pub given_up: UnboundedReceiver<GivenUp>,
    /// Records that are left undone, see [`Stages::abandoned`].
    pub abandoned: UnboundedReceiver<Position>,
    pub guard: Arc<Guard>,
    /// To and from [`crate::recorder`].
    pub asks: UnboundedSender<Ask>,
    pub answers: UnboundedReceiver<Answer>,
    /// To [`crate::placing::due`], and from there to [`crate::upkeep::closing`].
    pub due: watch::Sender<Option<Close>>,
    /// See [`crate::shards::Shared::cache_epoch`].
    pub cache_epoch: Arc<AtomicU64>,
    pub heartbeat: Heartbeat,
    pub assigned: Condition,
    pub kafka: Condition,
    pub stopping: CancellationToken,
    /// Cancelled by the pipeline when it has committed the last offsets: nobody need work on after that.
    pub drained: CancellationToken,
}

/// What the loop keeps beside the books: what commands refer to.
#[derive(Debug, Default)]
struct Loose {
    /// The record that the books were just told of.
    record: Option<Record>,
    /// Who waits for the answer to a revocation. Bounded by the poll thread, which waits for one at a time.
    handovers: HashMap<HandoverId, oneshot::Sender<Vec<Commitment>>>,
    handovers_begun: u64,
    /// As last known.
    watermark_ms: Option<i64>,
}

impl Loose {
    fn handover(&mut self, ack: oneshot::Sender<Vec<Commitment>>) -> HandoverId {
        self.handovers_begun += 1;
        let id = HandoverId(self.handovers_begun);
        self.handovers.insert(id, ack);
        id
    }
}

impl Pipeline {
    /// Runs until the process stops; then lets what is in flight finish, within the grace, and commits it.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let mut loose = Loose::default();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let has_room = self.books.has_room();
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => break,
                event = self.incoming.events.recv() => match event {
                    Some(event) => self.on_event(event, &mut loose)?,
                    None => anyhow::bail!("the poll thread ended"),
                },
                () = self.guard.turned() => self.act_on_turns(&mut loose),
                Some(answer) = self.answers.recv() => self.tell(books::Event::Store(answer), &mut loose),
                _ = ticks.tick() => self.tick(&mut loose),
                Some(position) = self.finished.recv() => self.tell(books::Event::Done(position), &mut loose),
                Some(given_up) = self.given_up.recv() => self.bury(given_up),
                Some(position) = self.abandoned.recv() => self.tell(books::Event::Abandoned(position), &mut loose),
                Some(record) = self.incoming.records.recv(), if has_room => self.read(record, &mut loose),
            }
        }
        self.finish(loose).await
    }

    fn on_event(&mut self, event: Event, loose: &mut Loose) -> anyhow::Result<()> {
        let event = match event {
            Event::Assigned(begun) => {
                counter!(names::REBALANCES, "kind" => "assigned").increment(1);
                info!(count = begun.len(), "partitions assigned");
                self.assigned.met();
                let partitions = begun.iter().map(|begun| begun.partition.clone());
                self.guard.begin(partitions);
                books::Event::Assigned(begun)
            }
            Event::Revoked { partitions, ack } => {
                counter!(names::REBALANCES, "kind" => "revoked").increment(1);
                info!(count = partitions.len(), "partitions revoked");
                self.forget(&partitions);
                let handover = loose.handover(ack);
                books::Event::Revoked {
                    partitions,
                    handover,
                }
            }
            Event::Lost(partitions) => {
                counter!(names::REBALANCES, "kind" => "lost").increment(1);
                self.forget(&partitions);
                books::Event::Lost(partitions)
            }
            Event::EndOfPartition {
                partition,
                generation,
                handed_on,
                end_offset,
                seen_ms,
            } => books::Event::End {
                partition,
                generation,
                handed_on,
                end_offset,
                seen_ms: seen_ms.saturating_sub(self.idle_lateness_ms),
            },
            Event::Topics(topics) => books::Event::Topics(topics),
            Event::Reachable(reachable) => {
                match reachable {
                    Ok(()) => self.kafka.met(),
                    Err(why) => self.kafka.unmet(why),
                }
                return Ok(());
            }
            Event::Failed(cause) => anyhow::bail!("the Kafka consumer cannot go on: {cause}"),
        };
        self.tell(event, loose);
        Ok(())
    }

    fn read(&mut self, record: Record, loose: &mut Loose) {
        let bytes = record.bytes();
        let topic = record.at.partition.topic.to_string();
        counter!(names::RECORDS_READ, "topic" => topic.clone()).increment(1);
        counter!(names::BYTES_READ, "topic" => topic).increment(bytes as u64);
        let event = books::Event::Read {
            at: record.at.clone(),
            record_ms: record.timestamp_ms,
            bytes,
        };
        loose.record = Some(record);
        self.tell(event, loose);
    }

    fn tick(&mut self, loose: &mut Loose) {
        self.heartbeat.beat();
        self.tell(books::Event::Tick, loose);
        self.tend_to_paused(loose);
        let now_ms = self.clock.now_ms();
        // Of the whole group; while nobody knows it, it stands where it was and falls behind.
        if let Some(watermark_ms) = loose.watermark_ms {
            gauge!(names::WATERMARK_DELAY).set((now_ms - watermark_ms) as f64 / 1e3);
        }
        gauge!(names::IN_FLIGHT).set(self.books.in_flight() as f64);
        gauge!(names::IN_FLIGHT_BYTES).set(self.books.in_flight_bytes() as f64);
        let oldest = self.books.oldest_since_ms();
        let oldest_ms = oldest.map_or(0, |since_ms| now_ms - since_ms);
        gauge!(names::OLDEST_IN_FLIGHT).set(oldest_ms as f64 / 1e3);
    }

    /// Partitions that are paused for their dead letters: pauses end, and time does not wait for ever.
    fn tend_to_paused(&mut self, loose: &mut Loose) {
        self.guard.tick();
        self.act_on_turns(loose);
        let until_ms = self.clock.now_ms() - self.idle_lateness_ms;
        for partition in self.guard.passed_by() {
            let event = books::Event::PassedBy {
                partition,
                until_ms,
            };
            self.tell(event, loose);
        }
        // Told again and again: a rebalance may have crossed with what was told last.
        self.source.stand_still(self.guard.open());
    }

    fn act_on_turns(&mut self, loose: &mut Loose) {
        for turn in self.guard.take_turns() {
            match turn {
                Turn::Paused(partition, pause) => {
                    tell_paused(&partition, true);
                    let for_s = (pause.until_ms - self.clock.now_ms()) / 1_000;
                    error!(partition = %partition, for_s, trials = pause.trials, "a partition is paused, the others go on: {}. Correct the producer or the topic's `encoding`; `processor resume` lets it go on at once", pause.why);
                }
                Turn::ReadsAgain(partition) => {
                    self.read_again(partition, loose);
                }
                Turn::GoesOn(partition) => {
                    tell_paused(&partition, false);
                    info!(partition = %partition, "a partition that was paused goes on");
                }
            }
        }
        self.source.stand_still(self.guard.open());
    }

    /// Goes back to the first record of a partition that is not done. Nothing was lost: this is no rewind.
    fn read_again(&mut self, partition: TopicPartition, loose: &mut Loose) {
        info!(partition = %partition, "a partition is read again from its first record that is not done");
        let event = books::Event::ReadAgain(partition);
        for command in self.books.on(event, self.clock.now_ms()) {
            match command {
                Command::Seek(partition, to) => self.source.seek(partition, to),
                other => self.carry_out(other, loose),
            }
        }
    }

    fn forget(&self, partitions: &[TopicPartition]) {
        self.guard.forget(partitions);
        partitions
            .iter()
            .for_each(|partition| tell_paused(partition, false));
    }

    /// Tells the books and does what they say.
    fn tell(&mut self, event: books::Event, loose: &mut Loose) {
        for command in self.books.on(event, self.clock.now_ms()) {
            self.carry_out(command, loose);
        }
    }

    fn carry_out(&mut self, command: Command, loose: &mut Loose) {
        match command {
            Command::Work { record_ms, .. } => {
                if let Some(mut record) = loose.record.take() {
                    record.record_ms = record_ms;
                    self.begin(record);
                }
            }
            Command::LeaveAlone(at) => {
                loose.record = None;
                debug!(record = %at, "a record of an earlier assignment is left alone");
            }
            // The recorder is gone only when the process is stopping.
            Command::Ask(ask) => drop(self.asks.send(ask)),
            Command::Commit(next) => self.source.commit(next),
            Command::Release { handover, next } => {
                let waiting = loose.handovers.remove(&handover);
                if waiting.is_some_and(|waiting| waiting.send(next).is_err()) {
                    debug!("nobody waits for the offsets of these partitions any more");
                }
            }
            Command::Seek(partition, to) => {
                counter!(names::REWINDS).increment(1);
                warn!(partition = %partition, offset = to.offset, "reading again what the store has lost");
                self.source.seek(partition, to);
            }
            Command::ForgetCaches => {
                self.cache_epoch.fetch_add(1, Ordering::AcqRel);
                self.due.send_replace(None);
            }
            Command::Due {
                watermark_ms,
                epoch,
            } => {
                loose.watermark_ms = Some(watermark_ms);
                self.due.send_replace(Some(Close {
                    watermark_ms,
                    epoch,
                }));
            }
            Command::Tell(notice) => say(&notice),
        }
    }

    /// Sends a record on its way.
    fn begin(&self, record: Record) {
        let ticket = Ticket::first(&record, &self.ends);
        let Some(format) = self.formats.get(&record.at.partition.topic).copied() else {
            warn!(record = %record.at, "a record of a topic that is not configured is left alone");
            return ticket.done();
        };
        tokio::spawn(self.stages.clone().run(record, format, ticket));
    }

    /// Sends a record that was given up to the dead letters; it is done when it is there. Nothing waits for that.
    fn bury(&self, given_up: GivenUp) {
        let (stages, done) = (self.stages.clone(), self.ends.done.clone());
        tokio::spawn(async move {
            let at = stages.bury(given_up).await;
            // The pipeline is gone only when the process is stopping.
            let _ = done.send(at);
        });
    }

    /// Lets what is in flight finish and commits it.
    async fn finish(mut self, mut loose: Loose) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_millis(self.config.stop_grace_ms / 2);
        while self.books.in_flight() > 0 {
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => break,
                Some(position) = self.finished.recv() => self.tell(books::Event::Done(position), &mut loose),
                Some(given_up) = self.given_up.recv() => self.bury(given_up),
                Some(position) = self.abandoned.recv() => self.tell(books::Event::Abandoned(position), &mut loose),
                Some(answer) = self.answers.recv() => self.tell(books::Event::Store(answer), &mut loose),
                // Further records are not begun, and so not committed.
                Some(event) = self.incoming.events.recv() => self.on_event(event, &mut loose)?,
                else => break,
            }
        }
        let unfinished = self.books.in_flight();
        info!(unfinished, "committing what is done");
        let next = self.let_everything_go(&mut loose).await;
        let Self {
            source,
            incoming,
            stages,
            drained,
            ..
        } = self;
        drop(incoming);
        if source.stop(next).await != Stopped::Committed {
            warn!("the last offsets could not be committed: some records will be read again");
        }
        stages.readers.close();
        drained.cancel();
        Ok(())
    }

    /// The last offsets to commit: those that the store knows of. When it does not answer, nothing is committed, and what
    /// was done since the last commit is read again.
    async fn let_everything_go(&mut self, loose: &mut Loose) -> Vec<Commitment> {
        let (ack, mut recorded) = oneshot::channel();
        let handover = loose.handover(ack);
        self.tell(books::Event::Stopping { handover }, loose);
        let deadline = Instant::now() + RECORD_TIMEOUT;
        loop {
            tokio::select! {
                biased;
                next = &mut recorded => return next.unwrap_or_default(),
                Some(answer) = self.answers.recv() => self.tell(books::Event::Store(answer), loose),
                () = tokio::time::sleep_until(deadline) => return Vec::new(),
            }
        }
    }
}
