//! Fuzz input as records off the wire: each begins with a byte that tells its encoding, and a delimiter stands between.

use super::decode::{Decoded, Encoding, Signal, decode};
use super::oracles::{RECORD_MS, Raw};
use bytes::Bytes;
use domain::sentry_envelope::{self, Context};

/// Between two records. Hardly part of one by chance, and short enough for the fuzzer to learn.
pub const DELIMITER: &[u8] = b"\xff\xfe--";

/// Records of one input; more would only be slower.
const RECORDS_MAX: usize = 64;

/// Everything readable in the input, in order, each record later than the one before it.
pub fn read(input: &[u8]) -> Vec<(Raw, i64)> {
    let mut read = Vec::new();
    for (index, record) in split(input).take(RECORDS_MAX).enumerate() {
        let Some((kind, payload)) = record.split_first() else {
            continue;
        };
        let record_ms = RECORD_MS + index as i64 * 1_000;
        for payload in payloads(*kind, payload) {
            let decoded = decoded(*kind, payload).unwrap_or_default();
            let spans = decoded.spans.into_iter().map(Raw::span);
            let logs = decoded.logs.into_iter().map(Raw::log);
            read.extend(spans.chain(logs).map(|raw| (raw, record_ms)));
        }
    }
    read
}

/// An envelope holds records; anything else is one.
fn payloads(kind: u8, payload: &[u8]) -> Vec<Bytes> {
    if kind != ENVELOPE {
        return vec![Bytes::copy_from_slice(payload)];
    }
    let context = Context {
        organization_id: 1,
        project_id: 42,
        key_id: None,
        received_s: RECORD_MS as f64 / 1e3,
    };
    let envelope = sentry_envelope::read(payload, &context).unwrap_or_default();
    let records = envelope.records.into_iter();
    records
        .map(|record| Bytes::from(record.body.to_string()))
        .collect()
}

fn decoded(kind: u8, payload: Bytes) -> Option<Decoded> {
    let (encoding, signal) = match kind {
        JSON => (Encoding::OtlpJson, Signal::Spans),
        SENTRY | ENVELOPE => (Encoding::SentrySpanJson, Signal::Spans),
        LOGS => (Encoding::OtlpProto, Signal::Logs),
        _ => (Encoding::OtlpProto, Signal::Spans),
    };
    decode(encoding, signal, &payload, &[]).ok()
}

/// The byte that begins a recorded file in a seed, by the ending of its name.
pub fn kind_of(file_name: &str) -> Option<u8> {
    Some(match file_name.split_once('.')?.1 {
        "traces.pb" => PROTO,
        "traces.json" => JSON,
        "logs.pb" => LOGS,
        "envelope.raw" => ENVELOPE,
        _ => return None,
    })
}

const PROTO: u8 = b'p';
const JSON: u8 = b'j';
const SENTRY: u8 = b's';
const LOGS: u8 = b'l';
const ENVELOPE: u8 = b'e';

fn split(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(input);
    std::iter::from_fn(move || {
        let current = rest?;
        let end = current
            .windows(DELIMITER.len())
            .position(|window| window == DELIMITER);
        let (record, left) = match end {
            Some(end) => (&current[..end], Some(&current[end + DELIMITER.len()..])),
            None => (current, None),
        };
        rest = left;
        Some(record)
    })
}
