//! What happens to one record between the books and the tasks that own traces and conversations.

use crate::item::{GivenUp, Shards, Ticket, Work};
use crate::metrics as names;
use crate::out::dead_letters::breaker::Verdict;
use crate::out::dead_letters::guard::Guard;
use crate::out::dead_letters::{DeadLetters, Rejection};
use crate::placing::job;
use crate::placing::{Place, Places};
use crate::reading::reader::{ReadRecord, read_safely};
use crate::source::{Position, Record};
use crate::tallies::{Seen, Tallies};
use domain::assembly::Reading;
use metrics::counter;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

/// What a topic's records are.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    pub encoding: crate::reading::decode::Encoding,
    pub signal: crate::reading::decode::Signal,
}

#[derive(Clone, Debug)]
pub struct Stages {
    pub reader: Arc<dyn ReadRecord>,
    /// Records decoded at once.
    pub readers: Arc<Semaphore>,
    pub dead_letters: Arc<DeadLetters>,
    pub guard: Arc<Guard>,
    /// See [`crate::upkeep::tallying`].
    pub unread: Arc<Mutex<Tallies>>,
    pub shards: Shards,
    pub places: Places,
    /// Records that are left undone because their partition is paused.
    pub abandoned: UnboundedSender<Position>,
}

impl Stages {
    /// Reads a record and sends on what it held; what cannot be read becomes a dead letter, unless its partition is paused
    /// for having too many of them.
    pub async fn run(self, record: Record, format: Format, ticket: Ticket) {
        // Closed only when the process stops.
        let Ok(permit) = self.readers.acquire().await else {
            return;
        };
        let partition = &record.at.partition;
        if self.guard.is_open(partition) {
            return self.abandon(record.at);
        }
        let outcome = tokio::task::block_in_place(|| {
            read_safely(&*self.reader, &record, format.encoding, format.signal)
        });
        drop(permit);
        let (reading, rejection) = match outcome {
            Ok((reading, rejection)) => (Some(reading), rejection),
            Err(rejection) => (None, Some(rejection)),
        };
        match self.guard.judge(partition, rejection.as_ref()) {
            Verdict::Abandon => return self.abandon(record.at),
            Verdict::GoOn => {}
        }
        if let Some(reading) = reading {
            self.tell_unread(&reading, record.record_ms);
            self.send_on(reading, &ticket);
        }
        if let Some(rejection) = rejection {
            self.give_up(&record, &rejection).await;
        }
        ticket.done();
    }

    async fn give_up(&self, record: &Record, rejection: &Rejection) {
        counter!(names::RECORDS_REJECTED, "reason" => rejection.reason()).increment(1);
        self.dead_letters.send(record, rejection).await;
    }

    /// Returns when the dead letter of a record that cannot be written is delivered, with the record's position.
    pub async fn bury(self, given_up: GivenUp) -> Position {
        let GivenUp { record, why } = given_up;
        self.give_up(&record, &Rejection::Unwritable(why)).await;
        record.at
    }

    /// The ticket is dropped undone: the offset stays before the record, which is read again.
    fn abandon(&self, at: Position) {
        // The pipeline is gone only when the process is stopping.
        let _ = self.abandoned.send(at);
    }

    /// Counts what an SDK says that no rule reads, so that operators see it before users do.
    fn tell_unread(&self, reading: &Reading, record_ms: i64) {
        if reading.unread.is_empty() {
            return;
        }
        counter!(names::SPANS_UNREAD).increment(reading.unread.len() as u64);
        let mut tallies = self.unread.lock();
        for span in &reading.unread {
            let seen = Seen {
                project: &span.project,
                instrumentation: &span.instrumentation,
                trace: span.trace,
                is_llm_call: span.is_llm_call,
                record_ms,
            };
            tallies.count(seen, 1);
        }
    }

    /// What carries an id goes to its conversation; what others are placed by, and what carries none, to its trace.
    fn send_on(&self, reading: Reading, ticket: &Ticket) {
        counter!(names::SPANS_READ).increment(reading.count as u64);
        counter!(names::SPANS_DROPPED, "reason" => "not_genai").increment(reading.links as u64);
        counter!(names::RESOLVED, "rule" => "own").increment(reading.named.len() as u64);
        for (conversation, prepared) in reading.named {
            self.shards.send(Work::Fact {
                conversation,
                prepared: Box::new(prepared),
                ticket: ticket.another(),
            });
        }
        for (key, batch) in reading.traces {
            let work = job::Work {
                batch,
                ..job::Work::default()
            };
            self.places.send(Place {
                key,
                work,
                tickets: vec![ticket.another()],
                permits: Vec::new(),
            });
        }
    }
}
