//! Reading partitions elsewhere than where they stand.

use super::context::Context;
use super::{Event, NextOffset};
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::time::{Duration, Instant};
use tracing::{debug, error, info};

/// A seek can fail while the partition's reading is only being set up. It is tried again until this.
const GIVE_UP: Duration = Duration::from_secs(30);
const TRY: Duration = Duration::from_secs(1);

/// Seeks that have not succeeded yet, at most one a partition.
#[derive(Debug, Default)]
pub(super) struct Seeks(Vec<(NextOffset, Instant)>);

impl Seeks {
    pub(super) fn want(&mut self, to: NextOffset) {
        self.0.retain(|(other, _)| other.partition != to.partition);
        self.0.push((to, Instant::now() + GIVE_UP));
    }

    /// Tries them all. Returns where reading goes on now, each in a new generation that the pipeline is told of.
    pub(super) fn try_all(&mut self, consumer: &BaseConsumer<Context>) -> Vec<NextOffset> {
        let context = consumer.context();
        let mut sought = Vec::new();
        for (to, deadline) in std::mem::take(&mut self.0) {
            let NextOffset { partition, offset } = &to;
            if !context.state.lock().owned.contains_key(partition) {
                continue;
            }
            let offset = Offset::Offset(*offset);
            match consumer.seek(&partition.topic, partition.partition, offset, TRY) {
                Ok(()) => {
                    info!(partition = %partition, ?offset, "reading goes on elsewhere");
                    let generation = context.state.lock().begin(partition.clone());
                    context.send(Event::Assigned(vec![(partition.clone(), generation)]));
                    sought.push(to);
                }
                Err(cause) if Instant::now() < deadline => {
                    debug!(partition = %partition, error = %cause, "a seek failed and is tried again");
                    self.0.push((to, deadline));
                }
                Err(cause) => error!(partition = %partition, error = %cause, "a seek failed"),
            }
        }
        sought
    }
}
