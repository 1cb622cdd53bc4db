//! OTLP/JSON becomes OTLP in protobuf, read as liberally as the processor and the Collector read it: names in camel or
//! snake case, enums by number or name, integers as number or text, ids in hex or base64, anything missing or null, and
//! whatever is unknown passed over.

mod any_value;
mod messages;
mod scalar;

use bytes::Bytes;
use messages::{Logs, Traces};
use prost::Message as _;

use super::Signal;
use crate::refusal::Refusal;

/// The same request in protobuf.
///
/// # Errors
/// When the text is no such request; says where.
pub fn to_proto(signal: Signal, text: &[u8]) -> Result<Bytes, Refusal> {
    // A list would be read as the fields of a request by position.
    let begin = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if !begin.trim_ascii_start().starts_with(b"{") {
        return Err(Refusal::malformed(
            "the request is no OTLP/JSON: it is no object at line 1 column 1",
        ));
    }
    let encoded = match signal {
        Signal::Logs => domain::json::read::<Logs>(text).map(|logs| logs.encode_to_vec()),
        _ => domain::json::read::<Traces>(text).map(|traces| traces.encode_to_vec()),
    };
    encoded
        .map(Bytes::from)
        .map_err(|cause| Refusal::malformed(format!("the request is no OTLP/JSON: {cause}")))
}

#[cfg(test)]
mod tests;
