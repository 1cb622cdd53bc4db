//! OTLP: requests are cut by trace into records that hold the client's own bytes.
//!
//! A span is never decoded here, only walked over: what its producer wrote, known to us or not, is what Kafka gets. What
//! the processor could not read is not taken ([`check`]): its sender is told, while it can still do something about it.
//! OTLP/JSON is turned into the same bytes first ([`json`]).

pub mod answer;
mod check;
pub mod grpc;
pub mod http;
mod json;
mod proto;
mod rejections;
mod split;
mod walk;

pub use check::VALUE_DEPTH_MAX;
pub use json::{Converted, to_proto};
pub use rejections::Rejections;
pub use split::{Limits, Part, RECORD_ITEMS_MAX, Split, split};

use std::sync::Arc;

use bytes::Bytes;
use tracing::debug;

use crate::app::App;
use crate::body::{self, Coding};
use crate::budget::Reservation;
use crate::metrics::{DROPPED, ITEMS, REJECTED};
use crate::refusal::{Reason, Refusal};
use crate::sink::{Outcome, Record, Stream};

/// What an OTLP request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    /// The label of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }

    /// The word for one item, as errors use it.
    fn item(self) -> &'static str {
        match self {
            Self::Traces => "span",
            Self::Logs => "log record",
            Self::Metrics => "data point",
        }
    }
}

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Proto,
    Json,
}

/// A request whose client is known and whose body has arrived.
#[derive(Debug)]
pub struct Export {
    pub signal: Signal,
    pub encoding: Encoding,
    pub coding: Coding,
    pub body: Bytes,
    /// Whose records they are, where the client's key says so.
    pub project: Option<Arc<str>>,
    pub held: Reservation,
}

/// Puts what an export holds into Kafka. Returns once Kafka has it.
///
/// # Errors
/// When the request cannot be read, is too large, or Kafka does not take all of it; the client then sends all of it
/// again, which does no harm.
pub async fn export(app: &App, export: Export) -> Result<Rejections, Refusal> {
    if export.signal == Signal::Metrics {
        metrics::counter!(DROPPED, "kind" => "metrics").increment(1);
        return Ok(Rejections::default());
    }
    let signal = export.signal;
    let limits = app.config.limits.clone();
    let record_bytes_max = app.config.record_bytes_max;
    let (split, project, _held) = app
        .workers
        .run(move || read(export, &limits, record_bytes_max))
        .await??;
    let Split {
        parts,
        mut rejections,
        without_span,
    } = split;
    if without_span > 0 {
        metrics::counter!(DROPPED, "kind" => "logs_without_span").increment(without_span as u64);
    }
    let items: usize = parts.iter().map(|part| part.items).sum();
    let oversized = deliver(app, signal, parts, project).await?;
    let refused = oversized.len();
    for part in oversized {
        rejections.add(|| {
            format!(
                "{} {:?} of trace {} is larger than Kafka's brokers take: raise max.message.bytes of the topic",
                signal.item(),
                part.first,
                part.trace_id,
            )
        });
    }
    metrics::counter!(ITEMS, "signal" => signal.name()).increment((items - refused) as u64);
    if rejections.total > 0 {
        metrics::counter!(REJECTED, "signal" => signal.name()).increment(rejections.total as u64);
        debug!(
            signal = signal.name(),
            rejected = rejections.total,
            why = rejections.message(),
            "partial success"
        );
    }
    Ok(rejections)
}

type Read = (Split, Option<Arc<str>>, Reservation);

/// The part that costs a processor and no waiting.
fn read(
    export: Export,
    limits: &crate::config::LimitsConfig,
    record_bytes_max: usize,
) -> Result<Read, Refusal> {
    let Export {
        signal,
        encoding,
        coding,
        body: compressed,
        project,
        mut held,
    } = export;
    let plain = body::decompress(coding, compressed, limits.decompressed_bytes_max, &mut held)?;
    let Converted {
        request,
        rejections,
    } = match encoding {
        Encoding::Proto => Converted {
            request: plain,
            rejections: Rejections::default(),
        },
        Encoding::Json => {
            held.grow(body::typed_json_bytes(&plain))?;
            to_proto(signal, &plain)?
        }
    };
    let bounds = Limits {
        items_max: limits.items_max,
        record_bytes_max,
        item_bytes_max: limits.item_bytes_max,
    };
    let mut split = split(signal, &request, bounds, &mut held)?;
    split.rejections.put_first(rejections);
    Ok((split, project, held))
}

/// Delivers the parts, halving what the brokers find too large until it fits. Returns the single items that never do.
async fn deliver(
    app: &App,
    signal: Signal,
    mut parts: Vec<Part>,
    project: Option<Arc<str>>,
) -> Result<Vec<Part>, Refusal> {
    let stream = match signal {
        Signal::Logs => Stream::Logs,
        _ => Stream::Spans,
    };
    let mut oversized = Vec::new();
    while !parts.is_empty() {
        let records = parts.iter().map(|part| Record {
            stream,
            key: part.trace_id.to_string(),
            payload: part.payload.clone(),
            project: project.clone(),
        });
        let outcomes = app.sink.deliver(records.collect()).await?;
        let refused = parts
            .into_iter()
            .zip(outcomes)
            .filter_map(|(part, outcome)| (outcome == Outcome::TooLarge).then_some(part));
        parts = Vec::new();
        for part in refused {
            if part.items == 1 {
                oversized.push(part);
            } else {
                parts.extend(halves(app, signal, &part)?);
            }
        }
    }
    Ok(oversized)
}

/// A record is a request itself, so that cutting it once more is cutting a request.
fn halves(app: &App, signal: Signal, part: &Part) -> Result<Vec<Part>, Refusal> {
    let bounds = Limits {
        items_max: part.items,
        record_bytes_max: part.payload.len() / 2,
        item_bytes_max: part.payload.len(),
    };
    // What the whole took is still held and about as much as the halves take.
    let mut held = app.budget.reservation();
    let cut = split(signal, &part.payload, bounds, &mut held)?;
    if cut.parts.len() < 2 {
        return Err(Refusal::new(
            Reason::Internal,
            "a record that is too large for the brokers could not be cut",
        ));
    }
    Ok(cut.parts)
}
