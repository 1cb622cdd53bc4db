//! Reads conversations and keeps those that are in use, so that each commit is read and computed once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use domain::ids::Digest;
use domain::view::{Change, View, changes};
use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, Weighter};
use store::{Snapshot, Store};
use tokio::sync::{Mutex, Semaphore};

use super::fold::Folded;
use super::log_fingerprint::Point;
use crate::config::LimitsConfig;
use crate::metrics::{CACHE_BYTES, FOLD_SECONDS, FOLDED_ENTRIES};

/// Conversations expected in the cache, for the size of its tables; the bound is by bytes.
const CACHE_ITEMS_EXPECTED: usize = 2_000;

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The log no longer passes through a position that was given out: the store lost something and was filled again.
    #[error("the log was rebuilt")]
    Rebuilt,
    #[error("{0}")]
    Computing(String),
}

/// Clones share the store's connections and the cache.
#[derive(Clone, Debug)]
pub struct ConversationReader {
    store: Store,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    latest: Cache<Digest, Cached, ByBytes>,
    /// Conversations as they stood when the first page of something was read, for the pages after it.
    past: Cache<(Digest, Point), Cached, ByBytes>,
    folding: Semaphore,
    /// Counts how often everything was forgotten: what was begun before must not be remembered after.
    generation: AtomicU64,
}

/// The lock makes one reader at a time catch up; the others then find the work done.
#[derive(Clone, Debug)]
struct Cached {
    latest: Arc<Mutex<Option<Folded>>>,
    /// As of the insertion: the cache must find the same weight again when it lets go of the item.
    bytes: u64,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl<K> Weighter<K, Cached> for ByBytes {
    fn weight(&self, _: &K, cached: &Cached) -> u64 {
        cached.bytes.max(1)
    }
}

impl Cached {
    fn new(folded: Option<Folded>) -> Self {
        Self {
            bytes: folded.as_ref().map_or(1, |folded| folded.bytes() as u64),
            latest: Arc::new(Mutex::new(folded)),
        }
    }
}

fn cache<K: std::hash::Hash + Eq>(bytes_max: u64) -> Cache<K, Cached, ByBytes> {
    // One shard, because a conversation may be as large as a fair share of the whole.
    let options = OptionsBuilder::new()
        .shards(1)
        .estimated_items_capacity(CACHE_ITEMS_EXPECTED)
        .weight_capacity(bytes_max)
        .build();
    match options {
        Ok(options) => {
            Cache::with_options(options, ByBytes, Default::default(), Default::default())
        }
        // Only missing options make this fail, and none is missing.
        Err(_) => Cache::with_weighter(CACHE_ITEMS_EXPECTED, bytes_max, ByBytes),
    }
}

impl ConversationReader {
    pub fn new(store: Store, limits: &LimitsConfig) -> Self {
        let past_bytes = limits.cache_bytes_max / 4;
        Self {
            store,
            inner: Arc::new(Inner {
                latest: cache(limits.cache_bytes_max - past_bytes),
                past: cache(past_bytes),
                folding: Semaphore::new(limits.folds_max),
                generation: AtomicU64::new(0),
            }),
        }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The conversation with everything that is committed now; `None` when there is no such conversation.
    pub async fn latest(&self, digest: &Digest) -> Result<Option<Folded>, ReadError> {
        let generation = self.inner.generation.load(Ordering::SeqCst);
        let fresh = || Ok::<_, ReadError>(Cached::new(None));
        let cached = self.inner.latest.get_or_insert_with(digest, fresh)?;
        let mut known = cached.latest.lock().await;
        let from_entry = known.as_ref().map_or(0, |folded| folded.point().entries);
        let Some(snapshot) = self.store.load_digest(digest, from_entry).await? else {
            *known = None;
            self.inner.latest.remove(digest);
            return Ok(None);
        };
        let before = known.take();
        let folded = match before {
            Some(before) if is_continued(&before, &snapshot) => {
                self.fold(Some(before), snapshot).await?
            }
            None => self.fold(None, snapshot).await?,
            Some(_) => match self.store.load_digest(digest, 0).await? {
                Some(whole) => self.fold(None, whole).await?,
                None => return Ok(None),
            },
        };
        *known = Some(folded.clone());
        if generation == self.inner.generation.load(Ordering::SeqCst) {
            self.weigh(digest, &cached, &folded);
        }
        Ok(Some(folded))
    }

    /// The conversation as it stood at the position.
    pub async fn at(&self, digest: &Digest, point: Point) -> Result<Option<Folded>, ReadError> {
        let Some(latest) = self.latest(digest).await? else {
            return Ok(None);
        };
        if !latest.passed(point) {
            return Err(ReadError::Rebuilt);
        }
        if latest.point() == point {
            return Ok(Some(latest));
        }
        let key = (*digest, point);
        let cached = self.inner.past.get(&key);
        if let Some(cached) = cached
            && let Some(folded) = cached.latest.lock().await.clone()
        {
            return Ok(Some(folded));
        }
        let Some(mut snapshot) = self.store.load_digest(digest, 0).await? else {
            return Ok(None);
        };
        snapshot
            .entries
            .truncate(usize::try_from(point.entries).unwrap_or(usize::MAX));
        let folded = self.fold(None, snapshot).await?;
        if folded.point() != point {
            return Err(ReadError::Rebuilt);
        }
        self.inner
            .past
            .insert(key, Cached::new(Some(folded.clone())));
        Ok(Some(folded))
    }

    /// What was shown at two positions.
    pub async fn views(
        &self,
        digest: &Digest,
        points: [Point; 2],
    ) -> Result<Option<[Arc<View>; 2]>, ReadError> {
        let [first, second] = points;
        let Some(at_first) = self.at(digest, first).await? else {
            return Ok(None);
        };
        if first == second {
            return Ok(Some([at_first.view.clone(), at_first.view]));
        }
        let Some(at_second) = self.at(digest, second).await? else {
            return Ok(None);
        };
        Ok(Some([at_first.view, at_second.view]))
    }

    /// Forgets everything: after the store may have lost something, what was read before may not be what is there.
    pub fn forget_all(&self) {
        self.inner.generation.fetch_add(1, Ordering::SeqCst);
        self.inner.latest.clear();
        self.inner.past.clear();
    }

    /// The changes between two transcripts, away from the threads that answer requests.
    pub async fn changes(&self, old: Arc<View>, new: Arc<View>) -> Result<Vec<Change>, ReadError> {
        if Arc::ptr_eq(&old, &new) {
            return Ok(Vec::new());
        }
        self.compute(move || changes(&old.transcript, &new.transcript))
            .await
    }

    #[tracing::instrument(skip_all, fields(conversation = %snapshot.summary.key, entries = snapshot.entries.len()))]
    async fn fold(&self, before: Option<Folded>, snapshot: Snapshot) -> Result<Folded, ReadError> {
        let summary = Arc::new(snapshot.summary);
        let entries = snapshot.entries;
        if entries.is_empty() {
            return Ok(match before {
                Some(before) => before.with(summary, entries),
                None => Folded::new(summary, entries),
            });
        }
        metrics::histogram!(FOLDED_ENTRIES).record(entries.len() as f64);
        self.compute(move || match before {
            Some(before) => before.with(summary, entries),
            None => Folded::new(summary, entries),
        })
        .await
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ReadError> {
        // The semaphore is never closed, so waiting for it cannot fail.
        let _turn = self.inner.folding.acquire().await;
        let begun = Instant::now();
        let computed = tokio::task::spawn_blocking(work).await;
        metrics::histogram!(FOLD_SECONDS).record(begun.elapsed().as_secs_f64());
        computed.map_err(|cause| ReadError::Computing(cause.to_string()))
    }

    fn weigh(&self, digest: &Digest, cached: &Cached, folded: &Folded) {
        let bytes = folded.bytes() as u64;
        if bytes != cached.bytes {
            let weighed = Cached {
                latest: cached.latest.clone(),
                bytes,
            };
            self.inner.latest.insert(*digest, weighed);
        }
        metrics::gauge!(CACHE_BYTES)
            .set((self.inner.latest.weight() + self.inner.past.weight()) as f64);
    }
}

/// Whether what was read stands behind what is known: the log has not become shorter, nor the version smaller, and the
/// same version is the same. What else a store that lost its last writes may hold is found out when its wake-ups are
/// subscribed to again: see [`ConversationReader::forget_all`].
fn is_continued(before: &Folded, snapshot: &Snapshot) -> bool {
    let (known, read) = (&before.summary, &snapshot.summary);
    let is_same = (read.version, read.token) == (known.version, known.token);
    read.entries >= before.point().entries && (read.version > known.version || is_same)
}
