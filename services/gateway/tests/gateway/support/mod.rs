//! The harness: a Redis, gateways over it, a writer that does what the processor does, and clients.

pub(crate) mod dialogue;
pub(crate) mod gateway;
pub(crate) mod socket;
pub(crate) mod transcript;
pub(crate) mod writer;

use std::future::Future;
use std::time::{Duration, Instant};

/// Longest wait for anything that should happen soon.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Asks again until the answer is there.
pub(crate) async fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} did not happen in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
