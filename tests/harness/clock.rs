//! The time of day, as record times are written.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix milliseconds; 0 on a machine that believes to be before 1970.
pub fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, |since| since.as_millis() as i64)
}
