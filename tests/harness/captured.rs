//! The recorded exports of real SDKs in `schemas/examples/captured`, as they would arrive in Kafka.
//!
//! All recordings use one conversation id; here each gets one of its own. Nothing else changes but, if asked, times.

use crate::otlp::{attribute, log_records, trace_records};
use crate::process::workspace;
use crate::record::Record;
use crate::topics::Topics;
use anyhow::Context;
use domain::sentry_envelope;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use serde_json::Value;
use std::path::PathBuf;

/// The id that every recording carries, where its SDK carries one at all.
pub const RECORDED_ID: &str = "conv-3f9a1c7e-drivers";

/// SDKs that put no conversation id on any span.
pub const WITHOUT_ID: [&str; 4] = [
    "a_otel_openai_v2_latest_event",
    "a_otel_openai_v2_latest_span",
    "a_otel_openai_v2_legacy",
    "d_agents_oi_chat",
];

/// The chat of 40 turns. Its SDK leaves the id to the application, which is played here.
pub const GROWTH: &str = "i_growth_otel";

/// The project that the Sentry SDKs report to, and when it was.
const SENTRY: sentry_envelope::Context = sentry_envelope::Context {
    organization_id: 1,
    project_id: 1,
    key_id: None,
    received_s: 1_795_415_025.0,
};

/// One SDK set-up's recording, in the order it was sent.
#[derive(Clone, Debug)]
pub struct Capture {
    pub label: String,
    exports: Vec<Export>,
}

#[derive(Clone, Debug)]
enum Export {
    Traces(ExportTraceServiceRequest),
    TracesJson(Value),
    Logs(ExportLogsServiceRequest),
    /// Records of `ingest-spans`, one a span: what Sentry Relay makes of the envelope.
    Sentry {
        records: Vec<sentry_envelope::Record>,
        /// Error events, as log records of the spans that they name.
        errors: Vec<sentry_envelope::Record>,
        envelope: Vec<u8>,
    },
}

/// A request as the SDK sent it, before compression.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub path: &'static str,
    /// Sentry's SDKs for Node send none.
    pub content_type: Option<&'static str>,
    pub body: Vec<u8>,
}

/// All recordings, by name.
///
/// # Errors
/// When a file cannot be read or decoded.
pub fn all() -> anyhow::Result<Vec<Capture>> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder())
        .with_context(|| format!("reading {}", folder().display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders.into_iter().map(load_folder).collect()
}

/// One recording by its label.
///
/// # Errors
/// When a file cannot be read or decoded.
pub fn load(label: &str) -> anyhow::Result<Capture> {
    load_folder(folder().join(label))
}

fn folder() -> PathBuf {
    workspace().join("schemas/examples/captured")
}

fn load_folder(folder: PathBuf) -> anyhow::Result<Capture> {
    let label = folder
        .file_name()
        .context("a folder name")?
        .to_string_lossy()
        .into_owned();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    files.sort();
    let mut exports = Vec::new();
    for file in files {
        let name = file.to_string_lossy();
        let bytes = std::fs::read(&file)?;
        let export = if name.ends_with(".traces.pb") {
            Export::Traces(ExportTraceServiceRequest::decode(&*bytes)?)
        } else if name.ends_with(".logs.pb") {
            Export::Logs(ExportLogsServiceRequest::decode(&*bytes)?)
        } else if name.ends_with(".traces.json") {
            Export::TracesJson(serde_json::from_slice(&bytes)?)
        } else if name.ends_with(".envelope.raw") {
            let read = sentry_envelope::read(&bytes, &SENTRY)?;
            Export::Sentry {
                records: read.records,
                errors: read.errors,
                envelope: bytes,
            }
        } else {
            continue;
        };
        exports.push(export);
    }
    let mut capture = Capture { label, exports };
    capture.make_id_its_own();
    Ok(capture)
}

impl Capture {
    pub fn has_id(&self) -> bool {
        !WITHOUT_ID.contains(&self.label.as_str())
    }

    pub fn conversation_id(&self) -> String {
        format!("{RECORDED_ID}-{}", self.label)
    }

    /// The records of each export, in the order of sending.
    pub fn exports(&self, topics: &Topics) -> Vec<Vec<Record>> {
        self.exports
            .iter()
            .map(|export| export.records(topics))
            .collect()
    }

    /// The requests that the SDK sent, in order. Their times are the recorded ones.
    pub fn requests(&self) -> Vec<Request> {
        self.exports.iter().map(Export::request).collect()
    }

    pub fn records(&self, topics: &Topics) -> Vec<Record> {
        self.exports(topics).concat()
    }

    /// Moves all times so that the recording ends at `end_ns`.
    pub fn end_at(&mut self, end_ns: i64) {
        let mut latest_ns = 0;
        self.edit_times(&mut |time_ns| {
            latest_ns = latest_ns.max(time_ns);
            time_ns
        });
        let shift_ns = end_ns - latest_ns;
        self.edit_times(&mut |time_ns| time_ns + shift_ns);
    }

    fn make_id_its_own(&mut self) {
        let id = self.conversation_id();
        if self.label == GROWTH {
            for export in &mut self.exports {
                let Export::Traces(request) = export else {
                    continue;
                };
                for span in spans_mut(request) {
                    span.attributes
                        .push(attribute("gen_ai.conversation.id", id.as_str()));
                }
            }
            return;
        }
        for export in &mut self.exports {
            export.edit_texts(&mut |text| {
                if text.contains(RECORDED_ID) {
                    *text = text.replace(RECORDED_ID, &id);
                }
            });
        }
    }

    fn edit_times(&mut self, edit: &mut dyn FnMut(i64) -> i64) {
        for export in &mut self.exports {
            export.edit_times(edit);
        }
    }
}

impl Export {
    fn records(&self, topics: &Topics) -> Vec<Record> {
        match self {
            Self::Traces(request) => trace_records(&topics.spans, request),
            Self::Logs(request) => log_records(&topics.logs, request),
            // All of a recorded export belongs to one trace, so there is nothing to split.
            Self::TracesJson(request) => {
                let key = find_text(request, "traceId").unwrap_or_default();
                vec![Record::new(&topics.spans_json, key, request.to_string())]
            }
            Self::Sentry {
                records, errors, ..
            } => {
                let spans = records.iter().map(|record| (&topics.sentry, record));
                let errors = errors.iter().map(|record| (&topics.logs, record));
                let all = spans.chain(errors);
                all.map(|(topic, record)| sentry_record(topic, record))
                    .collect()
            }
        }
    }

    fn request(&self) -> Request {
        let (path, content_type, body) = match self {
            Self::Traces(request) => (
                "/v1/traces",
                Some("application/x-protobuf"),
                request.encode_to_vec(),
            ),
            Self::Logs(request) => (
                "/v1/logs",
                Some("application/x-protobuf"),
                request.encode_to_vec(),
            ),
            Self::TracesJson(request) => (
                "/v1/traces",
                Some("application/json"),
                request.to_string().into_bytes(),
            ),
            Self::Sentry { envelope, .. } => ("/api/1/envelope/", None, envelope.clone()),
        };
        Request {
            path,
            content_type,
            body,
        }
    }

    fn edit_texts(&mut self, edit: &mut dyn FnMut(&mut String)) {
        match self {
            Self::Traces(request) => {
                for resource_spans in &mut request.resource_spans {
                    let resource = resource_spans
                        .resource
                        .iter_mut()
                        .flat_map(|resource| &mut resource.attributes);
                    edit_attributes(resource, edit);
                }
                for span in spans_mut(request) {
                    edit_attributes(span.attributes.iter_mut(), edit);
                    edit_attributes(
                        span.events
                            .iter_mut()
                            .flat_map(|event| &mut event.attributes),
                        edit,
                    );
                }
            }
            Self::Logs(request) => {
                for log in logs_mut(request) {
                    edit_attributes(log.attributes.iter_mut(), edit);
                    log.body.iter_mut().for_each(|body| edit_any(body, edit));
                }
            }
            Self::TracesJson(request) => edit_json_texts(request, edit),
            Self::Sentry {
                records,
                errors,
                envelope,
            } => {
                for record in records.iter_mut().chain(errors) {
                    edit_json_texts(&mut record.body, edit);
                }
                *envelope = edited_envelope(envelope, edit);
            }
        }
    }

    fn edit_times(&mut self, edit: &mut dyn FnMut(i64) -> i64) {
        match self {
            Self::Traces(request) => {
                for span in spans_mut(request) {
                    edit_ns(&mut span.start_time_unix_nano, edit);
                    edit_ns(&mut span.end_time_unix_nano, edit);
                    span.events
                        .iter_mut()
                        .for_each(|event| edit_ns(&mut event.time_unix_nano, edit));
                }
            }
            Self::Logs(request) => {
                for log in logs_mut(request) {
                    edit_ns(&mut log.time_unix_nano, edit);
                    edit_ns(&mut log.observed_time_unix_nano, edit);
                }
            }
            Self::TracesJson(request) => edit_json_times(request, edit),
            Self::Sentry {
                records, errors, ..
            } => {
                for record in records.iter_mut().chain(errors) {
                    edit_json_times(&mut record.body, edit);
                }
            }
        }
    }
}

/// The same envelope with other texts, and so with other lengths where it says any.
fn edited_envelope(envelope: &[u8], edit: &mut dyn FnMut(&mut String)) -> Vec<u8> {
    let mut edited = |bytes: &[u8]| {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        edit(&mut text);
        text.into_bytes()
    };
    let line = |bytes: &[u8]| {
        bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(bytes.len())
    };
    let (head, mut rest) = envelope.split_at(line(envelope));
    let mut out = edited(head);
    while let Some(after) = rest.get(1..).filter(|after| !after.is_empty()) {
        let (head, body) = after.split_at(line(after));
        let mut head: Value = serde_json::from_slice(head).expect("the header of an item");
        let body = body.get(1..).unwrap_or_default();
        let promised = head["length"].as_u64().map(|length| length as usize);
        let (payload, after) = body.split_at(promised.unwrap_or_else(|| line(body)));
        let payload = edited(payload);
        if promised.is_some() {
            head["length"] = payload.len().into();
        }
        out.push(b'\n');
        out.extend(head.to_string().into_bytes());
        out.push(b'\n');
        out.extend(payload);
        rest = after;
    }
    out
}

fn sentry_record(topic: &str, record: &sentry_envelope::Record) -> Record {
    let key = record.trace_id.to_string();
    let mut sent = Record::new(topic, key, record.body.to_string());
    sent.headers.insert(
        "project_id".to_owned(),
        SENTRY.project_id.to_string().into(),
    );
    sent
}

fn spans_mut(
    request: &mut ExportTraceServiceRequest,
) -> impl Iterator<Item = &mut opentelemetry_proto::tonic::trace::v1::Span> {
    let scopes = request
        .resource_spans
        .iter_mut()
        .flat_map(|resource| &mut resource.scope_spans);
    scopes.flat_map(|scope| &mut scope.spans)
}

fn logs_mut(
    request: &mut ExportLogsServiceRequest,
) -> impl Iterator<Item = &mut opentelemetry_proto::tonic::logs::v1::LogRecord> {
    let scopes = request
        .resource_logs
        .iter_mut()
        .flat_map(|resource| &mut resource.scope_logs);
    scopes.flat_map(|scope| &mut scope.log_records)
}

fn edit_attributes<'a>(
    attributes: impl Iterator<Item = &'a mut KeyValue>,
    edit: &mut dyn FnMut(&mut String),
) {
    for attribute in attributes {
        attribute
            .value
            .iter_mut()
            .for_each(|value| edit_any(value, edit));
    }
}

fn edit_any(value: &mut AnyValue, edit: &mut dyn FnMut(&mut String)) {
    match &mut value.value {
        Some(Any::StringValue(text)) => edit(text),
        Some(Any::ArrayValue(array)) => array
            .values
            .iter_mut()
            .for_each(|value| edit_any(value, edit)),
        Some(Any::KvlistValue(list)) => edit_attributes(list.values.iter_mut(), edit),
        _ => {}
    }
}

fn edit_ns(time_ns: &mut u64, edit: &mut dyn FnMut(i64) -> i64) {
    // 0 means "not given" and stays so.
    if let (Ok(old_ns), true) = (i64::try_from(*time_ns), *time_ns > 0) {
        *time_ns = u64::try_from(edit(old_ns)).unwrap_or(*time_ns);
    }
}

fn edit_json_texts(value: &mut Value, edit: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => edit(text),
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| edit_json_texts(value, edit)),
        Value::Object(map) => map
            .values_mut()
            .for_each(|value| edit_json_texts(value, edit)),
        _ => {}
    }
}

/// OTLP/JSON writes times as text in nanoseconds, Sentry as numbers in seconds.
fn edit_json_times(value: &mut Value, edit: &mut dyn FnMut(i64) -> i64) {
    const NS_PER_SECOND: f64 = 1e9;
    match value {
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| edit_json_times(value, edit)),
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), &*value) {
                    (
                        "startTimeUnixNano" | "endTimeUnixNano" | "timeUnixNano",
                        Value::String(text),
                    ) => {
                        if let Ok(time_ns) = text.parse() {
                            *value = edit(time_ns).to_string().into();
                        }
                    }
                    ("start_timestamp" | "end_timestamp", Value::Number(seconds)) => {
                        let time_ns = (seconds.as_f64().unwrap_or_default() * NS_PER_SECOND) as i64;
                        *value = (edit(time_ns) as f64 / NS_PER_SECOND).into();
                    }
                    _ => edit_json_times(value, edit),
                }
            }
        }
        _ => {}
    }
}

fn find_text(value: &Value, key: &str) -> Option<String> {
    match value {
        Value::Array(values) => values.iter().find_map(|value| find_text(value, key)),
        Value::Object(map) => match map.get(key).and_then(Value::as_str) {
            Some(text) => Some(text.to_owned()),
            None => map.values().find_map(|value| find_text(value, key)),
        },
        _ => None,
    }
}
