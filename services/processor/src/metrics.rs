//! Every metric of the processor: its name and what it tells.

runtime::define_metrics! {
    Counter Count RECORDS_READ "processor_records_read_total" by [topic] "Kafka records read.";
    Counter Bytes BYTES_READ "processor_bytes_read_total" by [topic] "Bytes of Kafka records read.";
    Counter Count SPANS_READ "processor_spans_read_total" "Spans and log records decoded.";
    Counter Count RECORDS_REJECTED "processor_records_rejected_total" by [reason] "Records that could not be read, or not all of their spans. `panicked`: reading one failed unexpectedly, a defect. `unwritable`: the store did not take all that was read.";
    Counter Count SPANS_DROPPED "processor_spans_dropped_total" by [reason] "Spans left out on purpose.";
    Counter Count SPANS_STORED "processor_spans_stored_total" "Spans written to the store.";
    Counter Count SPANS_OMITTED "processor_spans_omitted_total" "Spans not kept because their conversation had reached its bound.";
    Counter Count RESOLVED "processor_resolved_total" by [rule] "Spans and logs that found their conversation.";
    Counter Count CHAINED "processor_chained_total" by [outcome] "Calls without an id, with what belongs to them. `outcome`: how their history led to a conversation.";
    Counter Count CHAIN_CONFLICTS "processor_chain_conflicts_total" "Decisions about histories taken again because another process had decided since.";
    Counter Count TRACE_CONFLICTS "processor_trace_conflicts_total" "Commits of traces made again because another process had written since.";
    Histogram Count BATCH_CONVERSATIONS "processor_batch_conversations" "Conversations written in one batch.";
    Counter Count COMMIT_CONFLICTS "processor_commit_conflicts_total" "Commits made again because another process had written since.";
    Counter Count CACHE_MISSES "processor_cache_misses_total" "Conversations loaded from the store.";
    Counter Count CONVERSATIONS_RESET "processor_conversations_reset_total" "Stored conversations that could not be read and begin anew.";
    Gauge Count CONVERSATIONS_SET_APART "processor_conversations_set_apart" "Conversations that the store does not take, while the others go on.";
    Gauge Count TRACES_SET_APART "processor_traces_set_apart" "Traces that the store does not take, while the others go on.";
    Counter Count SHARES_GIVEN_UP "processor_shares_given_up_total" by [reason] "Shares of records that could not be written: each record with one becomes a dead letter. `reason`: `refused` by the store, or `newer`: what stands there was written by a newer version.";
    Counter Count STORE_ERRORS "processor_store_errors_total" by [step] "Store operations that failed; those that may work later were repeated.";
    Gauge Bytes STORE_MEMORY_USED "processor_store_memory_used_bytes" "Memory of Redis, over all primaries.";
    Gauge Count STORE_MEMORY_RATIO "processor_store_memory_ratio" "Memory of the fullest primary of Redis, as a share of its maxmemory; 0 without one.";
    Counter Count WINDOWS_CLOSED "processor_windows_closed_total" "Windows closed: conversations finalised, again after late spans.";
    Counter Count CONVERSATIONS_PUBLISHED "processor_conversations_published_total" "Finalised conversations written to their topic.";
    Counter Count PUBLISH_ERRORS "processor_publish_errors_total" "Finalised conversations that could not be published at once.";
    Gauge Count CONVERSATIONS_UNPUBLISHED "processor_conversations_unpublished" "Finalised conversations in Redis that wait to be published, whoever publishes them.";
    Gauge Seconds PUBLISHING_WAIT "processor_publishing_wait_seconds" "How long the topic of finalised conversations has not answered, or has refused what it was sent; 0 while it is well.";
    Gauge Seconds WATERMARK_DELAY "processor_watermark_delay_seconds" "How far the watermark of all partitions, whoever reads them, is behind the clock. Windows close by it.";
    Gauge Seconds OLDEST_IN_FLIGHT "processor_oldest_in_flight_seconds" "Time since the oldest unfinished record was read.";
    Gauge Count IN_FLIGHT "processor_in_flight_records" "Records read and not yet done.";
    Gauge Bytes IN_FLIGHT_BYTES "processor_in_flight_bytes" "Bytes of records read and not yet done.";
    Counter Count REBALANCES "processor_rebalances_total" by [kind] "Assignments and revocations of partitions.";
    Gauge Count LAG "processor_lag_records" by [topic, partition] "Records of a partition that are not committed.";
    Counter Count OFFSETS_COMMITTED "processor_offset_commits_total" "Commits of offsets.";
    Counter Count COMMIT_BREACHES "processor_commit_breaches_total" "Commits that would have passed what was read and done, and were not made. Any is a bug.";
    Counter Count COMMIT_ERRORS "processor_offset_commit_errors_total" "Commits of offsets that failed, including those that were repeated.";
    Counter Count PAUSES "processor_pauses_total" "How often partitions were paused because the pipeline had no room.";
    Counter Count CONSUMER_ERRORS "processor_consumer_errors_total" "Errors that the consumer recovered from by itself.";
    Counter Count DEAD_LETTERS "processor_dead_letters_total" by [reason] "Records sent to the dead-letter topic.";
    Counter Count DEAD_LETTER_ERRORS "processor_dead_letter_errors_total" "Records for the dead-letter topic that could not be delivered at once.";
    Gauge Count PARTITION_PAUSED "processor_partition_paused" by [topic, partition] "1 while a partition is paused, or tried again, because too many of its records cannot be read.";
    Counter Count RECORDS_EXPIRED "processor_records_expired_total" by [topic] "Records that Kafka deleted before they were read.";
    Counter Count OFFSETS_SKIPPED "processor_offsets_skipped_total" by [topic] "Offsets without a record: marks of transactions, and what compaction removed.";
    Counter Count PARTITIONS_RESTARTED "processor_partitions_restarted_total" by [topic] "Partitions read from their beginning because their topic was made anew or lost its end.";
    Counter Count STORE_EPOCHS "processor_store_epochs_total" "How often the store was found to have lost its last writes, or all.";
    Counter Count REWINDS "processor_rewinds_total" "Partitions read again because the store had lost what it held of them.";
}
