//! What a task keeps of what it last loaded or committed.

use domain::ids::Digest;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What can be kept.
pub(crate) trait Weighs {
    /// What one takes on average; sizes the cache's tables, nothing else.
    const TYPICAL_BYTES: u64;

    /// With what keeping it takes.
    fn weight_bytes(&self) -> u64;
}

/// Bounded by bytes. What was kept is forgotten as a whole when the store has gone back in time.
#[derive(Debug)]
pub(crate) struct TaskCache<V: Weighs> {
    cache: Cache<Digest, Arc<V>, ByBytes>,
    /// See [`super::Shared::cache_epoch`].
    current_epoch: Arc<AtomicU64>,
    epoch: u64,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl<V: Weighs> Weighter<Digest, Arc<V>> for ByBytes {
    fn weight(&self, _: &Digest, kept: &Arc<V>) -> u64 {
        kept.weight_bytes()
    }
}

impl<V: Weighs + Clone> TaskCache<V> {
    pub(crate) fn new(bytes_max: u64, current_epoch: Arc<AtomicU64>) -> Self {
        let items = (bytes_max / V::TYPICAL_BYTES).max(16) as usize;
        Self {
            cache: Cache::with_weighter(items, bytes_max, ByBytes),
            current_epoch,
            epoch: 0,
        }
    }

    /// Drops everything if the store has gone back in time since this was asked last.
    pub(crate) fn look_at_epoch(&mut self) {
        let current = self.current_epoch.load(Ordering::Acquire);
        if std::mem::replace(&mut self.epoch, current) != current {
            self.cache.clear();
        }
    }

    /// Takes it out: who works on it puts it back as it stands then.
    pub(crate) fn take(&self, digest: &Digest) -> Option<V> {
        let (_, kept) = self.cache.remove(digest)?;
        Some(Arc::unwrap_or_clone(kept))
    }

    pub(crate) fn put(&self, digest: Digest, kept: V) {
        self.cache.insert(digest, Arc::new(kept));
    }
}
