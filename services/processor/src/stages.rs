//! What happens to one record between the books and the router.

use crate::dlq::{DeadLetters, Rejection, TooManyDeadLetters};
use crate::item::Ticket;
use crate::metrics as names;
use crate::reader::{Reader, Reading};
use crate::router::Routed;
use crate::source::Record;
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
    pub router: UnboundedSender<Routed>,
    pub failed: UnboundedSender<TooManyDeadLetters>,
}

impl Stages {
    /// Reads a record and sends on what it held; what cannot be read becomes a dead letter.
    pub async fn run(self, record: Record, format: Format, ticket: Ticket, now_ms: i64) {
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
