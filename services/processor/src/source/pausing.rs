//! When partitions stand still: under lasting pressure, on request, and when nobody takes records any more.

use super::context::Context;
use crate::metrics as names;
use metrics::counter;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use runtime::clock::{Clock, SystemClock};
use std::time::{Duration, Instant};
use tracing::info;

#[derive(Debug, Default)]
pub(super) struct Pausing {
    /// Since when there has been no room.
    pub(super) pressed_since: Option<Instant>,
    pub(super) is_requested: bool,
    /// Whether nobody takes events any more.
    pub(super) is_silent: bool,
    /// Whether the client was told to pause.
    is_paused: bool,
}

impl Pausing {
    pub(super) fn press(&mut self) {
        self.pressed_since.get_or_insert_with(Instant::now);
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Brings the client in line with what is wanted. An assignment begins unpaused.
    pub(super) fn apply(
        &mut self,
        consumer: &BaseConsumer<Context>,
        pause_after: Duration,
    ) -> KafkaResult<()> {
        let is_pressed = |since: Instant| since.elapsed() >= pause_after;
        let wanted =
            self.pressed_since.is_some_and(is_pressed) || self.is_requested || self.is_silent;
        if std::mem::take(&mut consumer.context().state.lock().is_newly_assigned) {
            self.is_paused = false;
        }
        if wanted == self.is_paused {
            return Ok(());
        }
        let assignment = consumer.assignment()?;
        if wanted {
            consumer.pause(&assignment)?;
            counter!(names::PAUSES).increment(1);
        } else {
            consumer.resume(&assignment)?;
            // The client forgets what it had fetched, and its statistics tell of it for a while.
            let now_ms = SystemClock.now_ms();
            let mut state = consumer.context().state.lock();
            let readings = state.owned.values_mut().map(|owned| &mut owned.reading);
            readings.for_each(|reading| reading.begun_ms = now_ms);
        }
        self.is_paused = wanted;
        info!(paused = wanted, "partitions paused or resumed");
        Ok(())
    }
}
