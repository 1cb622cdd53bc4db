//! When too much of a partition cannot be read, and what then: the section `[kafka.dead_letters]`.

use runtime::config::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When unreadable records pause their partition, and for how long. See [`super::breaker`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeadLetterLimits {
    /// The last so many records of a partition are looked at.
    pub window_records: usize,
    /// Nothing is judged before so many of them have been read.
    pub records_min: usize,
    /// More than this share of them unreadable pauses the partition; 1 never does.
    pub invalid_ratio_max: f64,
    /// How long a partition is paused for the first time. Then its next records are tried; if these cannot be read either,
    /// it is paused for twice as long.
    pub pause_ms: u64,
    /// The longest pause between two trials.
    pub pause_max_ms: u64,
    /// Records of a trial.
    pub trial_records: usize,
    /// How long a paused partition holds time back. Then windows close without it, and what it still holds may be late.
    pub watermark_hold_ms: u64,
}

impl Default for DeadLetterLimits {
    fn default() -> Self {
        Self {
            window_records: 1_000,
            records_min: 200,
            invalid_ratio_max: 0.5,
            pause_ms: 60_000,
            pause_max_ms: 3_600_000,
            trial_records: 20,
            watermark_hold_ms: 600_000,
        }
    }
}

impl DeadLetterLimits {
    pub(crate) fn validate(&self, problems: &mut Problems) {
        problems.require(
            (0.0..=1.0).contains(&self.invalid_ratio_max),
            "kafka.dead_letters.invalid_ratio_max",
            "must be between 0 and 1; 1 never pauses",
        );
        problems.require(
            (1..=1_000_000).contains(&self.window_records),
            "kafka.dead_letters.window_records",
            "must be between 1 and 1,000,000",
        );
        for (key, records) in [
            ("kafka.dead_letters.records_min", self.records_min),
            ("kafka.dead_letters.trial_records", self.trial_records),
        ] {
            problems.require(
                (1..=self.window_records).contains(&records),
                key,
                "must be between 1 and window_records",
            );
        }
        problems.require(
            (1_000..=self.pause_max_ms).contains(&self.pause_ms),
            "kafka.dead_letters.pause_ms",
            "must be between 1,000 (a second) and pause_max_ms",
        );
        for (key, time_ms) in [
            ("kafka.dead_letters.pause_max_ms", self.pause_max_ms),
            (
                "kafka.dead_letters.watermark_hold_ms",
                self.watermark_hold_ms,
            ),
        ] {
            problems.require(
                time_ms <= 604_800_000,
                key,
                "must be at most 604,800,000 (a week)",
            );
        }
    }
}
