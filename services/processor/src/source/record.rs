//! One record, copied out of the client.

#[cfg(test)]
use super::TopicPartition;
use super::{Position, Queued};
use bytes::Bytes;
use rdkafka::message::{BorrowedMessage, Headers as _, Message};

#[derive(Debug)]
pub struct Record {
    pub at: Position,
    /// When it was written, Unix milliseconds: by the broker's clock or by the producer's, as the topic is configured.
    /// Never after the time at which it was read, so that a wrong clock cannot carry time away.
    pub timestamp_ms: i64,
    /// As of when it counts, see [`crate::books::offsets`]: its own time until the books have said more.
    pub record_ms: i64,
    pub key: Option<Bytes>,
    pub headers: Vec<(String, Bytes)>,
    /// Empty for a tombstone.
    pub payload: Bytes,
    /// The room that the record takes in the queue, given back when the record is dropped.
    pub queued: Queued,
}

impl Record {
    pub(super) fn copy(message: &BorrowedMessage<'_>, at: Position, now_ms: i64) -> Self {
        let written_ms = message.timestamp().to_millis();
        let written_ms = written_ms.filter(|written_ms| *written_ms > 0);
        let headers = message.headers().map(|headers| {
            let copied = headers.iter().map(|header| {
                let value = Bytes::copy_from_slice(header.value.unwrap_or_default());
                (header.key.to_owned(), value)
            });
            copied.collect()
        });
        let timestamp_ms = written_ms.map_or(now_ms, |written_ms| written_ms.min(now_ms));
        Self {
            at,
            timestamp_ms,
            record_ms: timestamp_ms,
            key: message.key().map(Bytes::copy_from_slice),
            headers: headers.unwrap_or_default(),
            payload: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
            queued: Queued::default(),
        }
    }

    /// A copy that takes no room in the queue. It shares the payload.
    pub fn without_room(&self) -> Self {
        Self {
            at: self.at.clone(),
            key: self.key.clone(),
            headers: self.headers.clone(),
            payload: self.payload.clone(),
            queued: Queued::default(),
            ..*self
        }
    }

    /// For tests: one of this offset, with hardly anything in it.
    #[cfg(test)]
    pub(crate) fn at_offset(offset: i64) -> Self {
        Self {
            at: Position {
                partition: TopicPartition::new("otlp_spans", 0),
                offset,
                generation: 1,
            },
            timestamp_ms: 0,
            record_ms: 0,
            key: None,
            headers: Vec::new(),
            payload: Bytes::from_static(b"a span"),
            queued: Queued::default(),
        }
    }

    /// What it takes in memory, roughly.
    pub fn bytes(&self) -> usize {
        /// The parts of a record that do not depend on what is in it.
        const RECORD_BYTES: usize = 256;
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len());
        let key = self.key.as_ref().map_or(0, Bytes::len);
        RECORD_BYTES + self.payload.len() + key + headers.sum::<usize>()
    }
}
