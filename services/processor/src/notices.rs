//! What is told in the log and in metrics of what the books and the breakers have decided.

use crate::books::Notice;
use crate::metrics as names;
use crate::source::{TopicPartition, tell_breach};
use metrics::{counter, gauge};
use tracing::{error, warn};

/// Whether a partition is paused for its dead letters.
pub(crate) fn tell_paused(partition: &TopicPartition, is_paused: bool) {
    let labels = [
        ("topic", partition.topic.to_string()),
        ("partition", partition.partition.to_string()),
    ];
    gauge!(names::PARTITION_PAUSED, &labels).set(f64::from(u8::from(is_paused)));
}

/// What operators are told of the books.
pub(crate) fn say(notice: &Notice) {
    match notice {
        Notice::StoreMoved => warn!(
            "the store was restarted, failed over or replaced: what was written to it last may be lost and is read again"
        ),
        Notice::EpochChanged { partitions } => {
            counter!(names::STORE_EPOCHS).increment(1);
            warn!(
                partitions,
                "the store has lost its last writes, or all: caches are dropped and partitions read again"
            );
        }
        Notice::StoreLacks {
            partition,
            first_offset,
            stands_at,
        } => error!(
            partition = %partition,
            committed = first_offset,
            stands_at,
            "the store knows less than was committed: reading again what it lacks"
        ),
        Notice::BeginsAnew {
            partition,
            stands_at,
        } => {
            counter!(names::PARTITIONS_RESTARTED, "topic" => partition.topic.to_string())
                .increment(1);
            warn!(
                partition = %partition,
                stood_at = stands_at,
                "a partition is read from its beginning, of which more was read before: its topic was made anew, or the group's offsets were reset"
            );
        }
        Notice::Breach(commitment) => tell_breach(commitment),
    }
}
