//! The bodies of requests, read and decompressed within bounds of size, time and memory.

mod coding;
mod cost;

pub use coding::{Coding, decompress};
pub use cost::{typed_json_bytes, untyped_json_bytes};

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};

use crate::budget::Reservation;
use crate::config::LimitsConfig;
use crate::metrics::BODY_BYTES;
use crate::refusal::{Reason, Refusal};

/// A refused body is read on for so long and so far, so that a client that is still sending gets to see the answer
/// instead of a connection reset.
const DRAIN_TIME: Duration = Duration::from_secs(2);
const DRAIN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Reads the whole body as it was sent.
///
/// # Errors
/// When it is too large, too slow or incomplete, or no memory is free.
pub async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limits: &LimitsConfig,
    held: &mut Reservation,
) -> Result<Bytes, Refusal> {
    let outcome = read_within(headers, &mut body, limits, held).await;
    match &outcome {
        Ok(bytes) => metrics::histogram!(BODY_BYTES).record(bytes.len() as f64),
        Err(refused) if refused.reason == Reason::Timeout => {}
        Err(_) => drain(body).await,
    }
    outcome
}

async fn read_within(
    headers: &HeaderMap,
    body: &mut Body,
    limits: &LimitsConfig,
    held: &mut Reservation,
) -> Result<Bytes, Refusal> {
    let bytes_max = limits.body_bytes_max;
    let too_large = || {
        Refusal::too_large(format!(
            "the body is larger than {bytes_max} bytes (intake.limits.body_bytes_max): send smaller batches"
        ))
    };
    let promised = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if promised.is_some_and(|length| length > bytes_max) {
        return Err(too_large());
    }
    let deadline = Instant::now() + Duration::from_millis(limits.body_timeout_ms);
    let mut whole = BytesMut::new();
    loop {
        let frame = timeout_at(deadline, body.frame()).await.map_err(|_| {
            let message = format!(
                "the body did not arrive within {} ms (intake.limits.body_timeout_ms)",
                limits.body_timeout_ms
            );
            Refusal::new(Reason::Timeout, message)
        })?;
        let Some(frame) = frame else {
            return Ok(whole.freeze());
        };
        let frame = frame.map_err(|cause| {
            Refusal::malformed(format!("the body did not arrive whole: {cause}"))
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if whole.len() + data.len() > bytes_max {
            return Err(too_large());
        }
        // The length promised is not memory held: only what really arrives is.
        coding::extend(&mut whole, &data, bytes_max, held)?;
    }
}

/// Reads on without keeping anything.
pub async fn drain(mut body: Body) {
    let mut left = DRAIN_BYTES_MAX;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            let Some(rest) = left.checked_sub(length) else {
                return;
            };
            left = rest;
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
}
