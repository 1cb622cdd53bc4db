//! Dead letters: records that cannot be read go, as they came and with the reason, to a topic of their own.
//!
//! A record counts as done only when its dead letter is delivered. And a topic that turns out unreadable as a whole, after
//! a wrong setting or a bad deployment, stops the processor instead of being emptied into the dead letters.

use crate::decode::{DecodeError, Decoded, RejectedSpan};
use crate::metrics as names;
use crate::source::config::KafkaConfig;
use crate::source::{Record, SourceError, TopicPartition};
use bytes::Bytes;
use domain::text::cut_with_mark;
use kafka::{Letter, Producer, is_too_large};
use metrics::counter;
use parking_lot::Mutex;
use rdkafka::message::{Header, OwnedHeaders};
use runtime::config::Problems;
use runtime::health::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tracing::warn;

/// Begins the name of every header that we add.
const PREFIX: &str = "colloquy.dlq.";
/// Longest reason in a header; brokers count headers towards the size of a record.
const DETAIL_BYTES_MAX: usize = 4 * 1024;
/// What is left of a record that the broker refuses for its size. Every broker takes this much by default.
const CUT_PAYLOAD_BYTES: usize = 512 * 1024;
/// Key and headers of a record that is refused even so stay only if they are no larger than this.
const CUT_HEADERS_BYTES: usize = 16 * 1024;
/// Waits between tries of a delivery.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// When unreadable records stop the processor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// The last so many records of a partition are looked at; nothing is judged before there are as many.
    pub window_records: usize,
    /// More than this share of them unreadable stops the processor.
    pub invalid_ratio_max: f64,
    /// More than so many unreadable records of a partition in a row stop the processor.
    pub consecutive_max: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            window_records: 1_000,
            invalid_ratio_max: 0.5,
            consecutive_max: 200,
        }
    }
}

impl LimitsConfig {
    pub(crate) fn validate(&self, problems: &mut Problems) {
        problems.require(
            (0.0..=1.0).contains(&self.invalid_ratio_max),
            "kafka.dead_letters.invalid_ratio_max",
            "must be between 0 and 1; 1 never stops",
        );
        problems.require(
            (1..=1_000_000).contains(&self.window_records),
            "kafka.dead_letters.window_records",
            "must be between 1 and 1,000,000",
        );
    }
}

/// Why a record becomes a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Nothing of it could be read.
    Undecodable(String),
    /// Some of its spans could not be understood; the others were taken.
    SpansRejected {
        described: Vec<RejectedSpan>,
        total: usize,
    },
}

impl Rejection {
    /// What a decoded record left behind, if anything.
    pub fn of(decoded: &Decoded) -> Option<Self> {
        (decoded.rejected_total > 0).then(|| Self::SpansRejected {
            described: decoded.rejected.clone(),
            total: decoded.rejected_total,
        })
    }

    /// A word for headers and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Undecodable(_) => "undecodable",
            Self::SpansRejected { .. } => "spans_rejected",
        }
    }

    fn detail(&self) -> String {
        let mut detail = match self {
            Self::Undecodable(cause) => cause.clone(),
            Self::SpansRejected { described, total } => {
                let described: Vec<_> = described.iter().map(ToString::to_string).collect();
                format!("{total} rejected: {}", described.join("; "))
            }
        };
        cut_with_mark(&mut detail, DETAIL_BYTES_MAX);
        detail
    }
}

impl From<DecodeError> for Rejection {
    fn from(cause: DecodeError) -> Self {
        Self::Undecodable(cause.to_string())
    }
}

/// Too much of a partition cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{partition}: {what} could not be read, the last because: {last}. Nothing more is read, so that the topic is not emptied into the dead letters: correct the producer or the topic's `encoding`, or raise kafka.dead_letters"
)]
pub struct TooManyDeadLetters {
    pub partition: TopicPartition,
    pub what: String,
    pub last: String,
}

/// Sends dead letters, and keeps count of what share of each partition they are.
#[derive(Debug)]
pub struct DeadLetters {
    producer: Producer,
    topic: String,
    limits: LimitsConfig,
    /// While a dead letter cannot be delivered, its partition stands still.
    condition: Condition,
    /// Bounded by the partitions of the topics that are read.
    shares: Mutex<HashMap<TopicPartition, Share>>,
}

impl DeadLetters {
    /// `condition` is met for as long as dead letters can be delivered.
    pub fn new(config: &KafkaConfig, condition: Condition) -> Result<Self, SourceError> {
        condition.met();
        Ok(Self {
            condition,
            producer: Producer::new(config.producer())?,
            topic: config.dead_letter_topic.clone(),
            limits: config.dead_letters,
            shares: Mutex::default(),
        })
    }

    /// Takes note of a record that could be read.
    pub fn good(&self, partition: &TopicPartition) {
        let mut shares = self.shares.lock();
        if let Some(share) = shares.get_mut(partition) {
            share.note(false, &self.limits);
        } else {
            let mut share = Share::default();
            share.note(false, &self.limits);
            shares.insert(partition.clone(), share);
        }
    }

    /// Returns when the dead letter is delivered, however long that takes: until then its record is not done. An error
    /// means that reading has to stop; the record stays undone and is read again.
    pub async fn send(
        &self,
        record: &Record,
        rejection: &Rejection,
    ) -> Result<(), TooManyDeadLetters> {
        self.judge(record, rejection)?;
        let mut wait = RETRY_MIN;
        let mut cut = Cut::Nothing;
        loop {
            let letter = self.letter(record, rejection, cut);
            let cause = match self.producer.deliver(letter).await {
                Ok(()) => {
                    self.condition.met();
                    counter!(names::DEAD_LETTERS, "reason" => rejection.reason()).increment(1);
                    return Ok(());
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

    /// A record of which some spans were taken counts as readable.
    fn judge(&self, record: &Record, rejection: &Rejection) -> Result<(), TooManyDeadLetters> {
        let is_bad = matches!(rejection, Rejection::Undecodable(_));
        let partition = &record.at.partition;
        let mut shares = self.shares.lock();
        let share = shares.entry(partition.clone()).or_default();
        share.note(is_bad, &self.limits);
        match share.verdict(&self.limits) {
            None => Ok(()),
            Some(what) => Err(TooManyDeadLetters {
                partition: partition.clone(),
                what,
                last: rejection.detail(),
            }),
        }
    }

    fn letter<'a>(&'a self, record: &'a Record, rejection: &Rejection, cut: Cut) -> Letter<'a> {
        let payload = match cut {
            Cut::Nothing => &record.payload[..],
            Cut::Payload => &record.payload[..record.payload.len().min(CUT_PAYLOAD_BYTES)],
            Cut::Everything => &[],
        };
        // A record that is here for the second time has headers of the first; those of the last time count.
        let original = record
            .headers
            .iter()
            .filter(|(name, _)| !name.starts_with(PREFIX));
        let beside_payload = original
            .clone()
            .map(|(name, value)| name.len() + value.len());
        let beside_payload =
            beside_payload.sum::<usize>() + record.key.as_ref().map_or(0, Bytes::len);
        let is_whole = cut < Cut::Everything || beside_payload <= CUT_HEADERS_BYTES;
        let mut headers = OwnedHeaders::new();
        for (key, value) in original.filter(|_| is_whole) {
            headers = headers.insert(Header {
                key,
                value: Some(value.as_ref()),
            });
        }
        let own = [
            ("reason", rejection.reason().to_owned()),
            ("detail", rejection.detail()),
            ("topic", record.at.partition.topic.to_string()),
            ("partition", record.at.partition.partition.to_string()),
            ("offset", record.at.offset.to_string()),
            ("timestamp_ms", record.timestamp_ms.to_string()),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        let size = [
            ("truncated", "true".to_owned()),
            ("size_bytes", record.payload.len().to_string()),
        ];
        let size = size
            .into_iter()
            .filter(|_| payload.len() < record.payload.len() || !is_whole);
        for (name, value) in own.into_iter().chain(size) {
            let key = format!("{PREFIX}{name}");
            headers = headers.insert(Header {
                key: &key,
                value: Some(&value),
            });
        }
        let key = record.key.as_deref().filter(|_| is_whole);
        Letter {
            topic: &self.topic,
            key,
            headers,
            payload,
        }
    }
}

/// How much of a record is left out, because the broker refuses it for its size. Nothing may block the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    Nothing,
    /// All but the beginning of the payload.
    Payload,
    /// The payload, and key and headers if they are large.
    Everything,
}

impl Cut {
    fn further(self, record: &Record) -> Self {
        match self {
            Self::Nothing if record.payload.len() > CUT_PAYLOAD_BYTES => Self::Payload,
            _ => Self::Everything,
        }
    }
}

/// Which of the last records of a partition could not be read.
#[derive(Clone, Debug, Default)]
struct Share {
    window: VecDeque<bool>,
    bad: usize,
    consecutive: usize,
}

impl Share {
    fn note(&mut self, is_bad: bool, limits: &LimitsConfig) {
        self.window.push_back(is_bad);
        self.bad += usize::from(is_bad);
        self.consecutive = if is_bad { self.consecutive + 1 } else { 0 };
        if self.window.len() > limits.window_records && self.window.pop_front() == Some(true) {
            self.bad -= 1;
        }
    }

    /// What is too much, or `None`.
    fn verdict(&self, limits: &LimitsConfig) -> Option<String> {
        if self.consecutive > limits.consecutive_max {
            return Some(format!("{} records in a row", self.consecutive));
        }
        let is_full = self.window.len() >= limits.window_records;
        let ratio = self.bad as f64 / self.window.len().max(1) as f64;
        (is_full && ratio > limits.invalid_ratio_max)
            .then(|| format!("{} of the last {} records", self.bad, self.window.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(limits: LimitsConfig, records: &str) -> Option<String> {
        let mut share = Share::default();
        records
            .chars()
            .for_each(|record| share.note(record == 'x', &limits));
        assert!(share.window.len() <= limits.window_records);
        share.verdict(&limits)
    }

    #[test]
    fn a_partition_that_cannot_be_read_stops() {
        let limits = LimitsConfig {
            window_records: 10,
            invalid_ratio_max: 0.5,
            consecutive_max: 4,
        };
        assert_eq!(verdict(limits, "xxxx"), None);
        assert_eq!(verdict(limits, "xxxxx"), Some("5 records in a row".into()));
        assert_eq!(verdict(limits, "xxx.xxx."), None, "too few to judge");
        assert_eq!(
            verdict(limits, "xxx.xxx..."),
            Some("6 of the last 10 records".into())
        );
        assert_eq!(
            verdict(limits, "xxx.xx....xxx.xx...."),
            None,
            "half is allowed"
        );
        assert_eq!(verdict(limits, "xxx.xxx....x.x.x.x.x"), None, "long ago");
    }

    #[test]
    fn no_tolerance_and_all_tolerance_can_be_set() {
        let never = LimitsConfig {
            window_records: 1,
            invalid_ratio_max: 0.0,
            consecutive_max: 9,
        };
        assert!(verdict(never, "x").is_some());
        let always = LimitsConfig {
            window_records: 3,
            invalid_ratio_max: 1.0,
            consecutive_max: usize::MAX,
        };
        assert_eq!(verdict(always, "xxxxxxxxx"), None);
    }
}
