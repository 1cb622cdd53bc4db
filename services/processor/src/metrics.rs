//! Every metric of the processor: its name and what it tells.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

macro_rules! metrics {
    ($($kind:ident $unit:ident $constant:ident $name:literal $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: &str = $name;)*

        /// Tells the recorder what each metric means. Call once at the start.
        pub fn describe() {
            $($kind!($constant, Unit::$unit, $help);)*
        }
    };
}

metrics! {
    describe_counter Count RECORDS_READ "processor_records_read_total" "Kafka records read, by topic.";
    describe_counter Bytes BYTES_READ "processor_bytes_read_total" "Bytes of Kafka records read, by topic.";
    describe_counter Count SPANS_READ "processor_spans_read_total" "Spans and log records decoded.";
    describe_counter Count RECORDS_REJECTED "processor_records_rejected_total" "Records that could not be read, or not all of their spans, by reason.";
    describe_counter Count SPANS_DROPPED "processor_spans_dropped_total" "Spans left out on purpose, by reason.";
    describe_counter Count SPANS_STORED "processor_spans_stored_total" "Spans written to the store.";
    describe_counter Count SPANS_OMITTED "processor_spans_omitted_total" "Spans not kept because their conversation had reached its bound.";
    describe_counter Count RESOLVED "processor_resolved_total" "Spans and logs that found their conversation, by rule.";
    describe_gauge Count RESOLVE_WAITING "processor_resolve_waiting" "Spans and logs that wait for their conversation.";
    describe_gauge Bytes RESOLVE_WAITING_BYTES "processor_resolve_waiting_bytes" "Bytes of what waits for its conversation.";
    describe_gauge Count RESOLVE_TRACES "processor_resolve_traces" "Traces whose picture is kept.";
    describe_counter Count CHAINED "processor_chained_total" "Calls without an id, with what belongs to them, by how their history led to a conversation.";
    describe_gauge Count CHAIN_WAITING "processor_chain_waiting" "Calls without an id that wait for the call they go on from.";
    describe_gauge Bytes CHAIN_WAITING_BYTES "processor_chain_waiting_bytes" "Bytes of calls without an id that wait for the call they go on from.";
    describe_counter Count CHAIN_CONFLICTS "processor_chain_conflicts_total" "Decisions about histories taken again because another process had decided since.";
    describe_histogram Count BATCH_CONVERSATIONS "processor_batch_conversations" "Conversations written in one batch.";
    describe_counter Count COMMIT_CONFLICTS "processor_commit_conflicts_total" "Commits made again because another process had written since.";
    describe_counter Count CACHE_MISSES "processor_cache_misses_total" "Conversations loaded from the store.";
    describe_counter Count CONVERSATIONS_RESET "processor_conversations_reset_total" "Stored conversations that could not be read and begin anew.";
    describe_counter Count STORE_ERRORS "processor_store_errors_total" "Store operations that failed and were repeated, by step.";
    describe_counter Count WINDOWS_CLOSED "processor_windows_closed_total" "Conversations finalised.";
    describe_counter Count PUBLISH_ERRORS "processor_publish_errors_total" "Finalised conversations that could not be published at once.";
    describe_gauge Seconds WATERMARK_DELAY "processor_watermark_delay_seconds" "How far the watermark is behind the clock.";
    describe_gauge Seconds OLDEST_IN_FLIGHT "processor_oldest_in_flight_seconds" "Time since the oldest unfinished record was read.";
    describe_gauge Count IN_FLIGHT "processor_in_flight_records" "Records read and not yet done.";
    describe_gauge Bytes IN_FLIGHT_BYTES "processor_in_flight_bytes" "Bytes of records read and not yet done.";
    describe_counter Count REBALANCES "processor_rebalances_total" "Assignments and revocations of partitions, by kind.";
    describe_gauge Count LAG "processor_lag_records" "Records of a partition that are not committed, by topic and partition.";
    describe_counter Count OFFSETS_COMMITTED "processor_offset_commits_total" "Commits of offsets.";
    describe_counter Count COMMIT_ERRORS "processor_offset_commit_errors_total" "Commits of offsets that failed, including those that were repeated.";
    describe_counter Count PAUSES "processor_pauses_total" "How often partitions were paused because the pipeline had no room.";
    describe_counter Count CONSUMER_ERRORS "processor_consumer_errors_total" "Errors that the consumer recovered from by itself.";
    describe_counter Count DEAD_LETTERS "processor_dead_letters_total" "Records sent to the dead-letter topic, by reason.";
    describe_counter Count DEAD_LETTER_ERRORS "processor_dead_letter_errors_total" "Records for the dead-letter topic that could not be delivered at once.";
    describe_counter Count REWINDS "processor_rewinds_total" "Partitions read again because the store had lost what it held of them.";
}
