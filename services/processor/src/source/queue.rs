//! The bounded way of records from the poll thread to the pipeline.

use super::Record;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc::{self, error::TrySendError};

/// Room that a record takes; dropping it gives the room back.
#[derive(Debug, Default)]
pub struct Queued {
    bytes: usize,
    used: Option<Arc<AtomicUsize>>,
}

impl Drop for Queued {
    fn drop(&mut self) {
        if let Some(used) = &self.used {
            used.fetch_sub(self.bytes, Ordering::AcqRel);
        }
    }
}

/// The sending end. Only the poll thread adds to the bytes, so that checking and adding need not be one step.
#[derive(Debug)]
pub(super) struct Queue {
    records: mpsc::Sender<Record>,
    used: Arc<AtomicUsize>,
    bytes_max: usize,
}

/// What became of a record.
#[derive(Debug)]
#[must_use]
pub(super) enum Offered {
    Taken,
    /// There is no room at the moment; the record comes back.
    Full(Record),
    /// Nobody receives any more.
    Closed,
}

impl Queue {
    pub(super) fn new(records: mpsc::Sender<Record>, bytes_max: usize) -> Self {
        let used = Arc::default();
        Self {
            records,
            used,
            bytes_max,
        }
    }

    /// Offers a record if there is room for its bytes. One that is larger than all the room goes alone.
    pub(super) fn offer(&self, mut record: Record) -> Offered {
        let bytes = record.bytes();
        let used = self.used.load(Ordering::Acquire);
        if used > 0 && used + bytes > self.bytes_max {
            return Offered::Full(record);
        }
        self.used.fetch_add(bytes, Ordering::AcqRel);
        record.queued = Queued {
            bytes,
            used: Some(Arc::clone(&self.used)),
        };
        match self.records.try_send(record) {
            Ok(()) => Offered::Taken,
            Err(TrySendError::Full(mut record)) => {
                record.queued = Queued::default();
                Offered::Full(record)
            }
            Err(TrySendError::Closed(_)) => Offered::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Position, TopicPartition};
    use bytes::Bytes;

    fn record(bytes: usize) -> Record {
        let partition = TopicPartition::new("otlp_spans", 0);
        Record {
            at: Position {
                partition,
                offset: 0,
                generation: 1,
            },
            timestamp_ms: 0,
            record_ms: 0,
            key: None,
            headers: vec![],
            payload: Bytes::from(vec![0; bytes]),
            queued: Queued::default(),
        }
    }

    fn is_taken(offered: Offered) -> bool {
        matches!(offered, Offered::Taken)
    }

    #[test]
    fn bytes_are_bounded_until_records_are_dropped() {
        let (records, mut receiver) = mpsc::channel(8);
        let queue = Queue::new(records, 4_000);
        assert!(
            is_taken(queue.offer(record(9_000))),
            "alone, a record may be larger"
        );
        let Offered::Full(back) = queue.offer(record(1_000)) else {
            panic!("no room");
        };
        let taken = receiver.try_recv();
        assert!(
            matches!(queue.offer(back), Offered::Full(_)),
            "taken, not dropped"
        );
        drop(taken);
        for _ in 0..3 {
            assert!(is_taken(queue.offer(record(1_000))));
        }
        assert!(matches!(queue.offer(record(1_000)), Offered::Full(_)));
    }

    #[test]
    fn records_are_bounded_and_a_refused_record_takes_no_room() {
        let (records, mut receiver) = mpsc::channel(1);
        let queue = Queue::new(records, 1 << 20);
        assert!(is_taken(queue.offer(record(10))));
        assert!(matches!(queue.offer(record(10)), Offered::Full(_)));
        assert!(receiver.try_recv().is_ok());
        assert_eq!(queue.used.load(Ordering::Acquire), 0);
        drop(receiver);
        assert!(matches!(queue.offer(record(10)), Offered::Closed));
    }
}
