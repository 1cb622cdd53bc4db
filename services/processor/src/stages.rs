//! What happens to one record between the books and the router.

use crate::dlq::{DeadLetters, Rejection, TooManyDeadLetters};
use crate::item::{Shards, Ticket, Work};
use crate::metrics as names;
use crate::placing::job;
use crate::placing::{Place, Places};
use crate::reader::Reader;
use crate::source::Record;
use domain::assembly::Reading;
use metrics::counter;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

/// What a topic's records are.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    pub encoding: crate::decode::Encoding,
    pub signal: crate::decode::Signal,
}

#[derive(Clone, Debug)]
pub struct Stages {
    pub reader: Arc<Reader>,
    /// Records decoded at once.
    pub readers: Arc<Semaphore>,
    pub dead_letters: Arc<DeadLetters>,
    pub shards: Shards,
    pub places: Places,
    pub failed: UnboundedSender<TooManyDeadLetters>,
}

impl Stages {
    /// Reads a record and sends on what it held; what cannot be read becomes a dead letter.
    pub async fn run(self, record: Record, format: Format, ticket: Ticket) {
        // Closed only when the process stops.
        let Ok(permit) = self.readers.acquire().await else {
            return;
        };
        let reading = tokio::task::block_in_place(|| {
            self.reader.read(&record, format.encoding, format.signal)
        });
        drop(permit);
        let rejection = match reading {
            Ok((reading, rejection)) => {
                self.dead_letters.good(&record.at.partition);
                self.send_on(reading, &ticket);
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
