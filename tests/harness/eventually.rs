//! Waiting for something to become true, without guessing how long it takes.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// Between two looks. Short against what is waited for, long against what a look costs.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Repeats `probe` until it gives a value, and returns that.
///
/// # Panics
/// With the last refusal when `deadline` has passed.
pub async fn eventually<T, E: Display>(
    what: &str,
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let start = Instant::now();
    loop {
        let refusal = match probe().await {
            Ok(value) => return value,
            Err(refusal) => refusal,
        };
        assert!(
            start.elapsed() < deadline,
            "not within {deadline:?}: {what}; last: {refusal}"
        );
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
