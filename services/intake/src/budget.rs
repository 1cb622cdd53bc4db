//! The memory that all requests together may hold, from their first byte to Kafka's acknowledgement.
//!
//! Nobody waits for memory: a request that finds none is turned away and may come again. So the intake's size is a
//! setting and not a matter of how many clients there are or what they send.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::MEMORY_BYTES;
use crate::refusal::Refusal;

/// Clones share the same memory.
#[derive(Clone, Debug)]
pub struct Budget {
    /// One permit a byte.
    free: Arc<Semaphore>,
    total_bytes: usize,
    request_bytes_max: usize,
}

impl Budget {
    /// `request_bytes_max` is what one request may hold at most, however much is free.
    pub fn new(total_bytes: usize, request_bytes_max: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(total_bytes.min(Semaphore::MAX_PERMITS))),
            total_bytes,
            request_bytes_max: request_bytes_max.min(total_bytes),
        }
    }

    /// A request that holds nothing yet.
    pub fn reservation(&self) -> Reservation {
        Reservation {
            budget: self.clone(),
            held: None,
            bytes: 0,
        }
    }

    fn show(&self) {
        let used = self
            .total_bytes
            .saturating_sub(self.free.available_permits());
        metrics::gauge!(MEMORY_BYTES, "state" => "held").set(used as f64);
    }
}

/// What one request holds. Given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    held: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Reservation {
    /// Holds so many bytes more.
    ///
    /// # Errors
    /// `TooLarge` when the request wants more than any may hold, `Overloaded` when other requests hold the rest.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let wanted = self.bytes.saturating_add(bytes);
        let most = self.budget.request_bytes_max;
        if wanted > most {
            return Err(Refusal::too_large(format!(
                "reading the request would take {wanted} bytes of memory, at most {most} are allowed \
                 (intake.limits.request_memory_bytes_max): send smaller batches"
            )));
        }
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let full = |_| {
            Refusal::overloaded(
                "as many bytes are on their way to Kafka as this intake may hold: try again later",
            )
        };
        let more = self
            .budget
            .free
            .clone()
            .try_acquire_many_owned(permits)
            .map_err(full)?;
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        self.bytes = wanted;
        self.budget.show();
        Ok(())
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.held = None;
        self.budget.show();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Reason;

    #[test]
    fn memory_is_lent_until_it_is_gone_and_comes_back() {
        let budget = Budget::new(100, 80);
        let mut first = budget.reservation();
        first.grow(30).expect("is free");
        first.grow(30).expect("is free");
        let mut second = budget.reservation();
        let refused = second.grow(50).expect_err("40 are left");
        assert_eq!(refused.reason, Reason::Overloaded);
        drop(first);
        second.grow(50).expect("is free again");
        assert_eq!(second.bytes(), 50);
    }

    #[test]
    fn what_can_never_fit_is_too_large_rather_than_too_much() {
        let budget = Budget::new(100, 80);
        let refused = budget.reservation().grow(81).expect_err("is too much");
        assert_eq!(refused.reason, Reason::TooLarge);
        let refused = budget
            .reservation()
            .grow(usize::MAX)
            .expect_err("is too much");
        assert_eq!(refused.reason, Reason::TooLarge);
    }
}
