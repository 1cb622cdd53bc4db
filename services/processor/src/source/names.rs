//! Names of the metrics that reading and writing Kafka leaves.

/// Records of a partition that are not committed, by `topic` and `partition`.
pub const LAG: &str = "processor_lag_records";
/// Commits of offsets.
pub const OFFSETS_COMMITTED: &str = "processor_offset_commits_total";
/// Commits of offsets that failed, including those that were repeated.
pub const COMMIT_ERRORS: &str = "processor_offset_commit_errors_total";
/// How often partitions were paused because the pipeline had no room.
pub const PAUSES: &str = "processor_pauses_total";
/// Errors that the consumer recovered from by itself.
pub const CONSUMER_ERRORS: &str = "processor_consumer_errors_total";
/// Records sent to the dead-letter topic, by `reason`.
pub const DEAD_LETTERS: &str = "processor_dead_letters_total";
/// Records for the dead-letter topic that could not be delivered at once.
pub const DEAD_LETTER_ERRORS: &str = "processor_dead_letter_errors_total";
