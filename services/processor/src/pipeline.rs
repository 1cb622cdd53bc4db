//! READ THIS FIRST: the way of a record through the processor, from top to bottom.
//!
//! ```text
//! poll thread ─events─► pipeline ─► readers: decode ► normalise ► prepare ─► router: resolve ─► shards: assemble ► commit
//!                          ▲           └─ cannot be read ─► dead letters ─┐                      │ index ► notify
//!                          └─────────────────────── record done ──────────┴──────────────────────┘
//! ```
//!
//! One task, [`Pipeline::run`], hears of everything in one order: records, assignments and revocations from the poll
//! thread, and finished records from the stages. It alone keeps the books: which records are in flight, which offsets may
//! be committed, how far time has got. Channels between the stages have no bound of their own, because what is in flight
//! as a whole has: beyond `in_flight_records_max` or `in_flight_bytes_max` no further record is taken from the poll
//! thread, which then pauses Kafka.

use crate::config::ProcessorConfig;
use crate::dlq::{DeadLetters, Rejection, TooManyDeadLetters};
use crate::item::Ticket;
use crate::metrics as names;
use crate::offsets::{OffsetTracker, Progress};
use crate::progress::Handover;
use crate::reader::{Reader, Reading};
use crate::router::Routed;
use crate::source::{Event, NextOffset, Position, Record, SourceHandle, Stopped, TopicPartition};
use metrics::{counter, gauge};
use runtime::clock::Clock;
use runtime::health::{Condition, Heartbeat};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// How often [`crate::progress`] and [`crate::closing`] are told where the partitions stand, and gauges are set.
const TICK: Duration = Duration::from_secs(1);
/// For recording the last progress at a stop.
const RECORD_TIMEOUT: Duration = Duration::from_secs(2);

/// What a topic's records are.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    pub encoding: crate::decode::Encoding,
    pub signal: crate::decode::Signal,
}

/// The ends of the channels between the loop and what it drives.
#[derive(Debug)]
pub struct Pipeline {
    pub config: ProcessorConfig,
    pub clock: Arc<dyn Clock>,
    pub formats: HashMap<Arc<str>, Format>,
    pub source: SourceHandle,
    pub events: tokio::sync::mpsc::Receiver<Event>,
    pub reader: Arc<Reader>,
    pub readers: Arc<Semaphore>,
    pub dead_letters: Arc<DeadLetters>,
    pub router: UnboundedSender<Routed>,
    /// Where the partitions stand, for [`crate::progress`] and [`crate::closing`].
    pub standing: watch::Sender<Standing>,
    /// Partitions to be read again from these offsets, because the store lost what it held of them.
    pub rewinds: UnboundedReceiver<Vec<NextOffset>>,
    /// To [`crate::progress`].
    pub handovers: UnboundedSender<Handover>,
    pub heartbeat: Heartbeat,
    pub assigned: Condition,
    pub stopping: CancellationToken,
    /// Cancelled by the pipeline when it has committed the last offsets: nobody need work on after that.
    pub drained: CancellationToken,
}

/// Where this process stands, as of the last tick.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    pub partitions: Vec<Progress>,
    /// `None` while some assigned partition has said nothing yet, and when none is assigned.
    pub done_watermark_ms: Option<i64>,
}

impl Standing {
    fn of(tracker: &OffsetTracker) -> Self {
        Self {
            partitions: tracker.progress(),
            done_watermark_ms: tracker.done_watermark_ms(),
        }
    }
}

/// The loop's own books.
struct Books {
    tracker: OffsetTracker,
    /// Bytes of each record in flight, and when it was read.
    in_flight: HashMap<Position, InFlight>,
    in_flight_bytes: usize,
    done: UnboundedSender<Position>,
    failed: UnboundedSender<TooManyDeadLetters>,
}

struct InFlight {
    bytes: usize,
    since: Instant,
}

impl Pipeline {
    /// Runs until the process stops; then lets what is in flight finish, within the grace, and commits it.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let (done, mut finished) = tokio::sync::mpsc::unbounded_channel();
        let (failed, mut failures) = tokio::sync::mpsc::unbounded_channel();
        let mut books = Books {
            tracker: OffsetTracker::default(),
            in_flight: HashMap::new(),
            in_flight_bytes: 0,
            done,
            failed,
        };
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let has_room = self.has_room(&books);
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => break,
                Some(position) = finished.recv() => books.finish(&position),
                Some(failure) = failures.recv() => return Err(failure.into()),
                _ = ticks.tick() => self.tick(&mut books),
                Some(rewinds) = self.rewinds.recv() => self.rewind(rewinds),
                event = self.events.recv(), if has_room => match event {
                    Some(event) => self.on_event(event, &mut books)?,
                    None => anyhow::bail!("the poll thread ended"),
                },
            }
        }
        self.finish(books, finished).await
    }

    fn has_room(&self, books: &Books) -> bool {
        books.in_flight.len() < self.config.in_flight_records_max
            && books.in_flight_bytes < self.config.in_flight_bytes_max
    }

    fn on_event(&mut self, event: Event, books: &mut Books) -> anyhow::Result<()> {
        match event {
            Event::Record(record) => self.begin(record, books),
            Event::Assigned(partitions) => {
                counter!(names::REBALANCES, "kind" => "assigned").increment(1);
                info!(count = partitions.len(), "partitions assigned");
                self.assigned.met();
                for (partition, generation) in partitions {
                    books.tracker.assign(partition, generation);
                }
            }
            Event::Revoked { partitions, ack } => {
                counter!(names::REBALANCES, "kind" => "revoked").increment(1);
                info!(count = partitions.len(), "partitions revoked");
                let handover = books.let_go(&partitions, ack);
                self.standing.send_replace(Standing::of(&books.tracker));
                // The recorder is gone only when the process is stopping.
                let _ = self.handovers.send(handover);
            }
            Event::EndOfPartition {
                partition,
                generation,
                end_offset,
            } => {
                books
                    .tracker
                    .reach_end(&partition, generation, end_offset, self.clock.now_ms());
            }
            Event::Failed(cause) => anyhow::bail!("the Kafka consumer cannot go on: {cause}"),
        }
        Ok(())
    }

    /// Takes a record into the books and sends it on its way.
    fn begin(&mut self, record: Record, books: &mut Books) {
        let bytes = record.bytes();
        let topic = record.at.partition.topic.to_string();
        counter!(names::RECORDS_READ, "topic" => topic.clone()).increment(1);
        counter!(names::BYTES_READ, "topic" => topic).increment(bytes as u64);
        if !books.tracker.track(&record.at, record.timestamp_ms) {
            debug!(record = %record.at, "a record of an earlier assignment is left alone");
            return;
        }
        books.in_flight.insert(
            record.at.clone(),
            InFlight {
                bytes,
                since: Instant::now(),
            },
        );
        books.in_flight_bytes += bytes;
        let ticket = Ticket::first(record.at.clone(), books.done.clone());
        let now_ms = books
            .tracker
            .read_watermark_ms()
            .unwrap_or(record.timestamp_ms);
        let Some(format) = self.formats.get(&record.at.partition.topic).copied() else {
            warn!(record = %record.at, "a record of a topic that is not configured is left alone");
            return ticket.done();
        };
        let stages = Stages {
            reader: Arc::clone(&self.reader),
            readers: Arc::clone(&self.readers),
            dead_letters: Arc::clone(&self.dead_letters),
            router: self.router.clone(),
            failed: books.failed.clone(),
        };
        tokio::spawn(stages.run(record, format, ticket, now_ms));
    }

    fn tick(&mut self, books: &mut Books) {
        self.heartbeat.beat();
        let now_ms = self.clock.now_ms();
        if let Some(now_ms) = books.tracker.read_watermark_ms() {
            // The router is gone only when the process is stopping.
            let _ = self.router.send(Routed::Now(now_ms));
        }
        let standing = Standing::of(&books.tracker);
        let done_watermark_ms = standing.done_watermark_ms;
        self.standing.send_replace(standing);
        if let Some(watermark_ms) = done_watermark_ms {
            gauge!(names::WATERMARK_DELAY).set((now_ms - watermark_ms) as f64 / 1e3);
        }
        gauge!(names::IN_FLIGHT).set(books.in_flight.len() as f64);
        gauge!(names::IN_FLIGHT_BYTES).set(books.in_flight_bytes as f64);
        let oldest = books
            .in_flight
            .values()
            .map(|record| record.since.elapsed())
            .max();
        gauge!(names::OLDEST_IN_FLIGHT).set(oldest.unwrap_or_default().as_secs_f64());
    }

    fn rewind(&mut self, rewinds: Vec<NextOffset>) {
        for next in rewinds {
            counter!(names::REWINDS).increment(1);
            warn!(partition = %next.partition, offset = next.offset, "reading again what the store has lost");
            self.source.seek(next);
        }
    }

    /// Lets what is in flight finish and commits it. Items that wait for their conversation do not: they are read again.
    async fn finish(
        self,
        mut books: Books,
        mut finished: UnboundedReceiver<Position>,
    ) -> anyhow::Result<()> {
        let Self {
            config,
            source,
            mut events,
            router,
            readers,
            drained,
            handovers,
            ..
        } = self;
        // The router ends when the last reader has handed over what it read.
        drop(router);
        let deadline = Instant::now() + Duration::from_millis(config.stop_grace_ms / 2);
        while !books.in_flight.is_empty() {
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => break,
                Some(position) = finished.recv() => books.finish(&position),
                // Further records are not begun, and so not committed.
                Some(event) = events.recv() => if let Event::Revoked { partitions, ack } = event {
                    let _ = handovers.send(books.let_go(&partitions, ack));
                },
                else => break,
            }
        }
        drop(events);
        info!(
            unfinished = books.in_flight.len(),
            "committing what is done"
        );
        let next = books.let_everything_go(&handovers).await;
        if source.stop(next).await != Stopped::Committed {
            warn!("the last offsets could not be committed: some records will be read again");
        }
        readers.close();
        drained.cancel();
        Ok(())
    }
}

impl Books {
    fn finish(&mut self, position: &Position) {
        if let Some(record) = self.in_flight.remove(position) {
            self.in_flight_bytes -= record.bytes;
        }
        self.tracker.acknowledge(position);
    }

    /// Forgets partitions. What is done of them is committed; what is not is abandoned and read again by the next owner.
    fn let_go(
        &mut self,
        partitions: &[TopicPartition],
        recorded: oneshot::Sender<Vec<NextOffset>>,
    ) -> Handover {
        let progress = partitions
            .iter()
            .filter_map(|partition| self.tracker.revoke(partition))
            .collect();
        Handover {
            partitions: partitions.to_vec(),
            progress,
            recorded,
        }
    }

    /// The last offsets to commit, once the store knows of them.
    async fn let_everything_go(
        &mut self,
        handovers: &UnboundedSender<Handover>,
    ) -> Vec<NextOffset> {
        let partitions: Vec<_> = self.tracker.partitions().cloned().collect();
        let (recorded, done) = oneshot::channel();
        let next = self.tracker.committable();
        let _ = handovers.send(self.let_go(&partitions, recorded));
        // Without an answer of the store they are committed all the same: the next owner reads again what it lacks.
        match tokio::time::timeout(RECORD_TIMEOUT, done).await {
            Ok(Ok(recorded)) => recorded,
            Ok(Err(_)) | Err(_) => next,
        }
    }
}

/// What happens to one record between the loop and the router.
struct Stages {
    reader: Arc<Reader>,
    readers: Arc<Semaphore>,
    dead_letters: Arc<DeadLetters>,
    router: UnboundedSender<Routed>,
    failed: UnboundedSender<TooManyDeadLetters>,
}

impl Stages {
    async fn run(self, record: Record, format: Format, ticket: Ticket, now_ms: i64) {
        // Closed only when the process stops.
        let Ok(permit) = self.readers.acquire_owned().await else {
            return;
        };
        let reading = tokio::task::block_in_place(|| {
            self.reader
                .read(&record, format.encoding, format.signal, &ticket)
        });
        drop(permit);
        let rejection = match reading {
            Ok(Reading { items, rejection }) => {
                self.dead_letters.good(&record.at.partition);
                counter!(names::SPANS_READ).increment(items.len() as u64);
                // The router is gone only when the process is stopping; the items then stay undone.
                let _ = self.router.send(Routed::Items { items, now_ms });
                rejection
            }
            Err(cause) => Some(Rejection::from(cause)),
        };
        if let Some(rejection) = rejection {
            counter!(names::RECORDS_REJECTED, "reason" => rejection.reason()).increment(1);
            if let Err(failure) = self.dead_letters.send(&record, &rejection).await {
                // The record stays undone: it is read again when the cause is mended.
                let _ = self.failed.send(failure);
                return;
            }
        }
        ticket.done();
    }
}
