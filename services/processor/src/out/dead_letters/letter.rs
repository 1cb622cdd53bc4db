//! What is written to the dead-letter topic: the record as it came, and its story in headers.

use super::Rejection;
use crate::source::Record;
use bytes::Bytes;
use kafka::Letter;
use rdkafka::message::{Header, OwnedHeaders};

/// Begins the name of every header that we add.
const PREFIX: &str = "colloquy.dlq.";
/// What is left of a record that the broker refuses for its size. Every broker takes this much by default.
const CUT_PAYLOAD_BYTES: usize = 512 * 1024;
/// Key and headers of a record that is refused even so stay only if they are no larger than this.
const CUT_HEADERS_BYTES: usize = 16 * 1024;

/// The dead letter of a record.
pub(super) fn letter<'a>(
    topic: &'a str,
    record: &'a Record,
    rejection: &Rejection,
    cut: Cut,
) -> Letter<'a> {
    let payload = match cut {
        Cut::Nothing => &record.payload[..],
        Cut::Payload => &record.payload[..record.payload.len().min(CUT_PAYLOAD_BYTES)],
        Cut::Everything => &[],
    };
    // A record that is here for the second time has headers of the first; those of the last time count.
    let original = record
        .headers
        .iter()
        .filter(|(name, _)| !name.starts_with(PREFIX));
    let beside_payload = original
        .clone()
        .map(|(name, value)| name.len() + value.len());
    let beside_payload = beside_payload.sum::<usize>() + record.key.as_ref().map_or(0, Bytes::len);
    let is_whole = cut < Cut::Everything || beside_payload <= CUT_HEADERS_BYTES;
    let mut headers = OwnedHeaders::new();
    for (key, value) in original.filter(|_| is_whole) {
        headers = headers.insert(Header {
            key,
            value: Some(value.as_ref()),
        });
    }
    let own = [
        ("reason", rejection.reason().to_owned()),
        ("detail", rejection.detail()),
        ("topic", record.at.partition.topic.to_string()),
        ("partition", record.at.partition.partition.to_string()),
        ("offset", record.at.offset.to_string()),
        ("timestamp_ms", record.timestamp_ms.to_string()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    let size = [
        ("truncated", "true".to_owned()),
        ("size_bytes", record.payload.len().to_string()),
    ];
    let size = size
        .into_iter()
        .filter(|_| payload.len() < record.payload.len() || !is_whole);
    for (name, value) in own.into_iter().chain(size) {
        let key = format!("{PREFIX}{name}");
        headers = headers.insert(Header {
            key: &key,
            value: Some(&value),
        });
    }
    let key = record.key.as_deref().filter(|_| is_whole);
    Letter {
        topic,
        key,
        headers,
        payload,
    }
}

/// How much of a record is left out, because the broker refuses it for its size. Nothing may block the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cut {
    Nothing,
    /// All but the beginning of the payload.
    Payload,
    /// The payload, and key and headers if they are large.
    Everything,
}

impl Cut {
    pub(super) fn further(self, record: &Record) -> Self {
        match self {
            Self::Nothing if record.payload.len() > CUT_PAYLOAD_BYTES => Self::Payload,
            _ => Self::Everything,
        }
    }
}
