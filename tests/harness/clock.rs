//! The time of day, as record times are written.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix milliseconds; 0 on a machine that believes to be before 1970.
pub fn now_ms() -> i64 {
    now_ns() as i64 / 1_000_000
}

/// Unix nanoseconds; 0 on a machine that believes to be before 1970.
#[expect(clippy::disallowed_methods, reason = "here is where it is read")]
pub fn now_ns() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, |since| since.as_nanos() as u64)
}
