//! Every metric of the intake: its name and what it tells.

runtime::define_metrics! {
    Counter Count REQUESTS "intake_requests_total" "Answered requests, by protocol, signal and outcome: accepted, partial or the reason of the refusal.";
    Histogram Seconds REQUEST_SECONDS "intake_request_seconds" "From the head of a request to its answer, by protocol.";
    Histogram Bytes BODY_BYTES "intake_body_bytes" "Bodies as they arrived, before decompression.";
    Counter Count ITEMS "intake_items_total" "Spans and log records that Kafka has acknowledged, by signal.";
    Counter Count REJECTED "intake_rejected_total" "Spans and log records that were refused while their neighbours were taken, by signal.";
    Counter Count DROPPED "intake_dropped_total" "What is accepted and thrown away on purpose, by kind: metrics, log records of no span, Sentry items without spans.";
    Counter Count RECORDS "intake_records_total" "Records that Kafka has acknowledged.";
    Histogram Seconds DELIVERY_SECONDS "intake_delivery_seconds" "From handing a request's records to the client of Kafka to the acknowledgement of the last.";
    Counter Count UNDELIVERED "intake_undelivered_total" "Records that were not delivered, by reason.";
    Gauge Bytes MEMORY_BYTES "intake_memory_bytes" "Memory that requests hold now, and may hold, by state.";
    Counter Count PANICS "intake_panics_total" "Requests that made the intake panic: a defect.";
}
