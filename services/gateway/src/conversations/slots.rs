//! A bounded number of things at once, where the next one is refused rather than kept waiting.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Clone, Debug)]
pub struct Slots {
    free: Arc<Semaphore>,
    gauge: Option<&'static str>,
}

/// One of the slots, free again when dropped.
#[derive(Debug)]
pub struct Slot {
    _permit: OwnedSemaphorePermit,
    gauge: Option<&'static str>,
}

impl Slots {
    pub fn new(count_max: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count_max.min(Semaphore::MAX_PERMITS))),
            gauge: None,
        }
    }

    /// Shows how many are taken.
    pub fn with_gauge(mut self, name: &'static str) -> Self {
        self.gauge = Some(name);
        self
    }

    /// `None` when all are taken.
    pub fn take(&self) -> Option<Slot> {
        let permit = self.free.clone().try_acquire_owned().ok()?;
        if let Some(name) = self.gauge {
            metrics::gauge!(name).increment(1.0);
        }
        Some(Slot {
            _permit: permit,
            gauge: self.gauge,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(name) = self.gauge {
            metrics::gauge!(name).decrement(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_free_again_when_dropped() {
        let slots = Slots::new(1);
        let taken = slots.take();
        assert!(taken.is_some() && slots.take().is_none());
        drop(taken);
        assert!(slots.take().is_some());
        assert!(Slots::new(0).take().is_none());
    }
}
