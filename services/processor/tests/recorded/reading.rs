//! The recorded exports of real SDKs, decoded.

use bytes::Bytes;
use processor::reading::decode::{self, Encoding, Signal};
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/examples")
}

pub(crate) fn recordings() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(examples().join("captured"))
        .expect("the recordings lie in the repository")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(folders.len() >= 22, "some recordings are missing");
    folders
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    files
}

pub(crate) enum Raw {
    Span(domain::raw::RawSpan),
    Log(domain::raw::RawLog),
}

/// When all of it was received, Unix milliseconds.
const RECORD_MS: i64 = 1_795_500_000_000;

pub(crate) fn read(file: &Path) -> Vec<(Raw, i64)> {
    let name = file
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    let bytes = fs::read(file).expect("a readable file");
    read_bytes(name, bytes)
}

/// What an export holds; its name tells its encoding.
pub(crate) fn read_bytes(name: &str, bytes: Vec<u8>) -> Vec<(Raw, i64)> {
    match name.split_once('.').map(|(_, kind)| kind) {
        Some("traces.pb") => decode(Encoding::OtlpProto, Signal::Spans, bytes),
        Some("logs.pb") => decode(Encoding::OtlpProto, Signal::Logs, bytes),
        Some("traces.json") => decode(Encoding::OtlpJson, Signal::Spans, bytes),
        Some("logs.json") => decode(Encoding::OtlpJson, Signal::Logs, bytes),
        Some("envelope.raw") => envelope(&bytes),
        _ => Vec::new(),
    }
}

fn decode(encoding: Encoding, signal: Signal, bytes: Vec<u8>) -> Vec<(Raw, i64)> {
    decode_for(encoding, signal, bytes, &[])
}

fn decode_for(
    encoding: Encoding,
    signal: Signal,
    bytes: Vec<u8>,
    headers: &[(String, Bytes)],
) -> Vec<(Raw, i64)> {
    let decoded =
        decode::decode(encoding, signal, &Bytes::from(bytes), headers).expect("a readable export");
    assert_eq!(decoded.rejected_total, 0);
    let spans = decoded.spans.into_iter().map(Raw::Span);
    spans
        .chain(decoded.logs.into_iter().map(Raw::Log))
        .map(|raw| (raw, RECORD_MS))
        .collect()
}

fn envelope(bytes: &[u8]) -> Vec<(Raw, i64)> {
    let context = domain::sentry_envelope::Context {
        organization_id: 1,
        project_id: 1,
        key_id: None,
        received_s: RECORD_MS as f64 / 1e3,
    };
    let envelope = domain::sentry_envelope::read(bytes, &context).expect("a readable envelope");
    let spans = envelope.records.iter();
    let spans = spans.map(|record| (Encoding::SentrySpanJson, Signal::Spans, record));
    let errors = envelope.errors.iter();
    let errors = errors.map(|record| (Encoding::OtlpJson, Signal::Logs, record));
    // The intake writes into the project of the key.
    let project = (decode::PROJECT_HEADER.to_owned(), Bytes::from("1"));
    spans
        .chain(errors)
        .flat_map(|(encoding, signal, record)| {
            let body = record.body.to_string().into_bytes();
            decode_for(encoding, signal, body, std::slice::from_ref(&project))
        })
        .collect()
}
