//! Every metric of the gateway: its name and what it tells.

runtime::define_metrics! {
    Counter Count REQUESTS "gateway_requests_total" by [outcome] "Answered GraphQL operations. `outcome`: ok, or the code of the first error.";
    Histogram Seconds REQUEST_SECONDS "gateway_request_seconds" "From the beginning of an operation to its answer.";
    Counter Count REFUSED "gateway_refused_total" by [reason] "Requests refused before they were executed.";
    Gauge Count SOCKETS "gateway_sockets" "Open WebSockets.";
    Counter Count SOCKETS_CLOSED "gateway_sockets_closed_total" by [reason] "Closed WebSockets.";
    Gauge Count SUBSCRIPTIONS "gateway_subscriptions" "Running subscriptions.";
    Counter Count SUBSCRIPTIONS_ENDED "gateway_subscriptions_ended_total" by [kind, reason] "Ended subscriptions. The reason slow is that they did not keep up and were cut off, undelivered that an event could not be computed, missed that changes of rows may have been missed.";
    Histogram Seconds FOLD_SECONDS "gateway_fold_seconds" "Computing one conversation from its log.";
    Histogram Count FOLDED_ENTRIES "gateway_folded_entries" "Log entries read to compute one conversation.";
    Gauge Bytes CACHE_BYTES "gateway_cache_bytes" "Conversations kept in memory.";
    Gauge Count FOLLOWERS "gateway_followers" "Conversations that subscribers follow.";
    Counter Count WAKEUPS "gateway_wakeups_total" "Announcements of new versions received from Redis.";
    Counter Count RESYNCS "gateway_resyncs_total" "How often everything was looked at again because announcements may have been lost.";
    Counter Count PANICS "gateway_panics_total" "Requests that made the gateway panic: a defect.";
}
