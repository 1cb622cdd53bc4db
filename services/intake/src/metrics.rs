//! Names of the intake's metrics, in one place.

/// Answered requests by `protocol`, `signal` and `outcome` (`accepted`, `partial` or the reason of the refusal).
pub const REQUESTS: &str = "intake_requests_total";
/// From the head of a request to its answer.
pub const REQUEST_SECONDS: &str = "intake_request_seconds";
/// Bodies as they arrived, before decompression.
pub const BODY_BYTES: &str = "intake_body_bytes";
/// Spans and log records that Kafka has acknowledged, by `signal`.
pub const ITEMS: &str = "intake_items_total";
/// Spans and log records that were refused while their neighbours were taken, by `signal`.
pub const REJECTED: &str = "intake_rejected_total";
/// What is accepted and thrown away on purpose, by `kind`: metrics, log records of no span, Sentry items without spans.
pub const DROPPED: &str = "intake_dropped_total";
/// Records that Kafka has acknowledged.
pub const RECORDS: &str = "intake_records_total";
/// From handing a request's records to the client of Kafka to the acknowledgement of the last.
pub const DELIVERY_SECONDS: &str = "intake_delivery_seconds";
/// Records that were not delivered, by `reason`.
pub const UNDELIVERED: &str = "intake_undelivered_total";
/// Memory that requests hold now, and may hold.
pub const MEMORY_BYTES: &str = "intake_memory_bytes";
pub const PANICS: &str = "intake_panics_total";
