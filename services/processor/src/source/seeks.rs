//! Reading partitions elsewhere than where they stand.

use super::context::Context;
use super::{Event, Start, TopicPartition};
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tracing::{info, warn};

const TRY: Duration = Duration::from_secs(1);
/// A seek can fail while the partition's reading is only being set up. It is tried again as long as the partition is
/// ours, since nothing of it counts before; and told this often.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// Seeks that have not succeeded yet, at most one a partition.
#[derive(Debug, Default)]
pub(super) struct Seeks(BTreeMap<TopicPartition, Wanted>);

#[derive(Clone, Copy, Debug)]
struct Wanted {
    to: Start,
    told: Instant,
}

impl Seeks {
    pub(super) fn want(&mut self, partition: TopicPartition, to: Start) {
        let told = Instant::now();
        self.0.insert(partition, Wanted { to, told });
    }

    /// Tries them all. Returns the partitions that are read elsewhere now, each in a new generation that the pipeline is
    /// told of.
    pub(super) fn try_all(&mut self, consumer: &BaseConsumer<Context>) -> Vec<TopicPartition> {
        let context = consumer.context();
        let mut sought = Vec::new();
        for (partition, mut wanted) in std::mem::take(&mut self.0) {
            if !context.state.lock().owned.contains_key(&partition) {
                continue;
            }
            let offset = Offset::Offset(wanted.to.offset);
            match consumer.seek(&partition.topic, partition.partition, offset, TRY) {
                Ok(()) => {
                    info!(partition = %partition, ?offset, "reading goes on elsewhere");
                    let is_from_beginning = wanted.to.offset == 0;
                    let mut state = context.state.lock();
                    let begun = state.begin(partition.clone(), Some(wanted.to), is_from_beginning);
                    drop(state);
                    context.send(Event::Assigned(vec![begun]));
                    sought.push(partition);
                }
                Err(cause) => {
                    if wanted.told.elapsed() >= TELL_EVERY {
                        warn!(partition = %partition, error = %cause, "a partition cannot be read from elsewhere yet");
                        wanted.told = Instant::now();
                    }
                    self.0.insert(partition, wanted);
                }
            }
        }
        sought
    }
}
