//! Errors that the consumer recovers from by itself, told without flooding the log.

use crate::metrics as names;
use metrics::counter;
use rdkafka::error::KafkaError;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tracing::warn;

/// The same error is told at most this often.
const INTERVAL: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Complaints(HashMap<String, Instant>);

impl Complaints {
    /// Tells of a broker that is away, a topic that does not exist yet and the like.
    pub(super) fn tell(&mut self, cause: &KafkaError) {
        counter!(names::CONSUMER_ERRORS).increment(1);
        let now = Instant::now();
        self.0
            .retain(|_, told| now.duration_since(*told) < INTERVAL);
        self.0.entry(cause.to_string()).or_insert_with_key(|text| {
            warn!(
                error = text,
                "the Kafka consumer reports an error and goes on"
            );
            now
        });
    }
}
