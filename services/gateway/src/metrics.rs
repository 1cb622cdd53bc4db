//! Names of the gateway's metrics, in one place.

/// Answered GraphQL requests by `transport` and `outcome`.
pub const REQUESTS: &str = "gateway_requests_total";
pub const REQUEST_SECONDS: &str = "gateway_request_seconds";
/// Refusals before execution by `reason`.
pub const REFUSED: &str = "gateway_refused_total";
pub const SOCKETS: &str = "gateway_sockets";
/// Closed sockets by `reason`.
pub const SOCKETS_CLOSED: &str = "gateway_sockets_closed_total";
pub const SUBSCRIPTIONS: &str = "gateway_subscriptions";
/// Ended subscriptions by `kind` and `reason`.
pub const SUBSCRIPTIONS_ENDED: &str = "gateway_subscriptions_ended_total";
pub const FOLD_SECONDS: &str = "gateway_fold_seconds";
pub const FOLDED_ENTRIES: &str = "gateway_folded_entries";
pub const CACHE_BYTES: &str = "gateway_cache_bytes";
pub const FOLLOWERS: &str = "gateway_followers";
pub const WAKEUPS: &str = "gateway_wakeups_total";
/// How often everything had to be looked at again because wake-ups may have been lost.
pub const RESYNCS: &str = "gateway_resyncs_total";
pub const PANICS: &str = "gateway_panics_total";
