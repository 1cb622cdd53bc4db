//! Every metric of the intake: its name and what it tells.

runtime::define_metrics! {
    Counter Count REQUESTS "intake_requests_total" by [protocol, signal, outcome] "Answered requests. `outcome`: accepted, partial or the reason of the refusal.";
    Histogram Seconds REQUEST_SECONDS "intake_request_seconds" by [protocol] "From the head of a request to its answer.";
    Histogram Bytes BODY_BYTES "intake_body_bytes" "Bodies as they arrived, before decompression.";
    Counter Count ITEMS "intake_items_total" by [signal] "Spans and log records that Kafka has acknowledged.";
    Counter Count REJECTED "intake_rejected_total" by [signal] "Spans and log records that were refused while their neighbours were taken.";
    Counter Count DROPPED "intake_dropped_total" by [kind] "What is accepted and thrown away on purpose: metrics, log records of no span, Sentry items without spans and errors of none.";
    Counter Count RECORDS "intake_records_total" "Records that Kafka has acknowledged.";
    Histogram Seconds DELIVERY_SECONDS "intake_delivery_seconds" "From handing a request's records to the client of Kafka to the acknowledgement of the last.";
    Counter Count UNDELIVERED "intake_undelivered_total" by [reason] "Records that were not delivered.";
    Gauge Bytes MEMORY_BYTES "intake_memory_bytes" by [state] "Memory that requests hold now, and may hold.";
    Counter Count PANICS "intake_panics_total" "Requests that made the intake panic: a defect.";
}
