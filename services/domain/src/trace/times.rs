//! The times by which a trace is placed, kept and given up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Times of a trace, all in record time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Times {
    /// How long a span without an id stands nowhere, since it was recorded or lost its place, before it is decided what
    /// becomes of it: it is counted, or goes where `without_id` says. It is placed all the same when an id turns up later.
    pub settle_ms: i64,
    /// How long a span that stands nowhere is kept for an id to turn up.
    pub wait_ms: i64,
    /// How long spans that were placed are kept for another id to prove otherwise, after the last of their trace.
    pub hold_ms: i64,
}

/// Conversations are told once more of what was decided without an id, so long after: no record would be read again that
/// brings it about if the process died, or the store lost it, in between.
pub(super) const CONFIRM_MS: i64 = 60_000;

impl Default for Times {
    fn default() -> Self {
        const MINUTE_MS: i64 = 60_000;
        Self {
            settle_ms: MINUTE_MS,
            wait_ms: 6 * 60 * MINUTE_MS,
            hold_ms: 60 * MINUTE_MS,
        }
    }
}

impl Times {
    /// How long a trace is kept at least after its last change.
    pub fn kept_ms(&self) -> i64 {
        self.settle_ms.max(self.wait_ms).max(self.hold_ms)
    }
}
