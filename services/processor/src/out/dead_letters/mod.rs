//! Dead letters: records that cannot be read go, as they came and with the reason, to a topic of their own.
//!
//! A record counts as done only when its dead letter is delivered. And a partition that turns out unreadable as a whole,
//! after a wrong setting or a bad deployment, is paused instead of being emptied into the dead letters ([`breaker`]).

pub mod breaker;
pub mod guard;
mod letter;
mod limits;
pub mod record;
mod rejection;

pub use limits::DeadLetterLimits;
pub use rejection::Rejection;

use crate::metrics as names;
use crate::source::config::KafkaConfig;
use crate::source::{Record, SourceError};
use kafka::{Producer, is_too_large};
use letter::{Cut, letter};
use metrics::counter;
use runtime::health::Condition;
use std::time::Duration;
use tracing::warn;

/// Waits between tries of a delivery.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Sends dead letters.
#[derive(Debug)]
pub struct DeadLetters {
    producer: Producer,
    topic: String,
    /// While a dead letter cannot be delivered, its partition stands still.
    condition: Condition,
}

impl DeadLetters {
    /// `condition` is met for as long as dead letters can be delivered.
    pub fn new(config: &KafkaConfig, condition: Condition) -> Result<Self, SourceError> {
        condition.met();
        Ok(Self {
            condition,
            producer: Producer::new(config.producer())?,
            topic: config.dead_letter_topic.clone(),
        })
    }

    /// Returns when the dead letter is delivered, however long that takes: until then its record is not done.
    pub async fn send(&self, record: &Record, rejection: &Rejection) {
        let mut wait = RETRY_MIN;
        let mut cut = Cut::Nothing;
        loop {
            let letter = letter(&self.topic, record, rejection, cut);
            let cause = match self.producer.deliver(letter).await {
                Ok(()) => {
                    self.condition.met();
                    counter!(names::DEAD_LETTERS, "reason" => rejection.reason()).increment(1);
                    return;
                }
                Err(cause) => cause,
            };
            if is_too_large(&cause) && cut < Cut::Everything {
                cut = cut.further(record);
                continue;
            }
            counter!(names::DEAD_LETTER_ERRORS).increment(1);
            self.condition.unmet(format!(
                "{} does not take dead letters: {cause}",
                self.topic
            ));
            warn!(record = %record.at, topic = self.topic, error = %cause, "a dead letter could not be delivered and is tried again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }
}
