//! From normalised spans to facts: bodies are named by digest, histories become chains of nodes, calls get their price.

use crate::conversation::Prepared;
use crate::span::{Span, SpanLog};
use crate::usage::Prices;

/// Makes a span's fact with the bodies and nodes that it refers to.
pub fn span(span: Span, record_ms: i64, inferred: bool, prices: &dyn Prices) -> Prepared {
    let _ = (span, record_ms, inferred, prices);
    unimplemented!()
}

/// Likewise for content from a log record.
pub fn log(log: SpanLog, record_ms: i64) -> Prepared {
    let _ = (log, record_ms);
    unimplemented!()
}
