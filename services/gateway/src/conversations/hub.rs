//! One subscription to the store's wake-ups for the whole gateway, handed on to followers and to the list feed.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::Digest;
use futures::StreamExt as _;
use parking_lot::Mutex;
use runtime::health::Heartbeat;
use rustc_hash::FxHashMap;
use store::Wakeup;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::feed::{Feed, RowEvents};
use super::follower::{Follower, Following, Pace};
use super::reader::{ReadError, Reader};
use crate::config::LiveConfig;
use crate::metrics::{FOLLOWERS, RESYNCS, WAKEUPS};

/// A conversation that ends while someone begins to listen is looked up once more: it may have begun anew.
const JOIN_ATTEMPTS: usize = 2;
/// Between two attempts to listen.
const LISTEN_RETRY: Duration = Duration::from_secs(1);
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// Live updates of one gateway. Clones share everything.
#[derive(Clone, Debug)]
pub struct Hub {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    reader: Reader,
    live: LiveConfig,
    followers: Mutex<FxHashMap<Digest, Arc<Follower>>>,
    feed: Feed,
}

/// How the hub shows that it is alive.
#[derive(Debug)]
pub struct Signals {
    pub wakeups: Heartbeat,
    pub feed: Heartbeat,
}

impl Hub {
    pub fn new(reader: Reader, live: LiveConfig, retention: Duration) -> Self {
        Self {
            inner: Arc::new(Inner {
                feed: Feed::new(reader.clone(), live.buffer_steps, retention),
                reader,
                live,
                followers: Mutex::default(),
            }),
        }
    }

    /// Begins to listen to a conversation, whether it exists already or not, from everything that is committed now.
    pub async fn follow(&self, digest: Digest) -> Result<Following, ReadError> {
        for _ in 0..JOIN_ATTEMPTS {
            let follower = self.follower(digest);
            // Held meanwhile, or the follower would leave because nobody listens.
            let held = follower.listen();
            if follower.step().await? {
                return Ok(follower.listen());
            }
            drop(held);
            self.remove(&follower, digest);
        }
        Ok(self.follower(digest).listen())
    }

    /// The changes of all rows from now on.
    pub fn rows(&self) -> RowEvents {
        self.inner.feed.listen()
    }

    /// Receives wake-ups until it is told to stop.
    pub async fn run(self, signals: Signals, stopping: CancellationToken) -> anyhow::Result<()> {
        let feed = self.inner.feed.run(
            Duration::from_millis(self.inner.live.row_step_ms),
            signals.feed,
        );
        tokio::select! {
            () = stopping.cancelled() => Ok(()),
            () = feed => Ok(()),
            () = self.receive(signals.wakeups) => Ok(()),
        }
    }

    /// Listens for as long as it is let, whatever becomes of the connection.
    async fn receive(&self, heartbeat: Heartbeat) {
        loop {
            heartbeat.beat();
            if let Err(cause) = self.listen(&heartbeat).await {
                warn!(error = %cause, "cannot listen for changes; trying again");
            }
            tokio::time::sleep(LISTEN_RETRY).await;
        }
    }

    async fn listen(&self, heartbeat: &Heartbeat) -> Result<(), store::Error> {
        let mut wakeups = self.inner.reader.store().wakeups().await?;
        let mut beats = tokio::time::interval(BEAT_EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                wakeup = wakeups.next() => match wakeup {
                    Some(Wakeup::Changed { digest, version }) => self.changed(digest, version),
                    Some(Wakeup::Resync) => self.resync(),
                    None => return Ok(()),
                },
                _ = beats.tick() => heartbeat.beat(),
            }
        }
    }

    fn changed(&self, digest: Digest, version: u64) {
        metrics::counter!(WAKEUPS).increment(1);
        if let Some(follower) = self.inner.followers.lock().get(&digest) {
            follower.wake.notify_one();
        }
        self.inner.feed.note(digest, version);
    }

    /// Wake-ups may have been lost, and with them the knowledge that the store itself lost something.
    fn resync(&self) {
        metrics::counter!(RESYNCS).increment(1);
        self.inner.reader.forget_all();
        for follower in self.inner.followers.lock().values() {
            follower.wake.notify_one();
        }
        self.inner.feed.resync();
    }

    fn follower(&self, digest: Digest) -> Arc<Follower> {
        let mut followers = self.inner.followers.lock();
        if let Some(follower) = followers.get(&digest) {
            return follower.clone();
        }
        let follower = Follower::new(
            digest,
            self.inner.reader.clone(),
            self.inner.live.buffer_steps,
        );
        followers.insert(digest, follower.clone());
        metrics::gauge!(FOLLOWERS).set(followers.len() as f64);
        let pace = Pace {
            step: Duration::from_millis(self.inner.live.message_step_ms),
            recheck: Duration::from_millis(self.inner.live.recheck_ms),
        };
        let (hub, running) = (self.clone(), follower.clone());
        tokio::spawn(async move {
            running.run(pace, || hub.leave(&running, digest)).await;
            hub.remove(&running, digest);
        });
        follower
    }

    /// Removes a follower that nobody listens to; false when someone began to listen meanwhile.
    fn leave(&self, follower: &Arc<Follower>, digest: Digest) -> bool {
        let mut followers = self.inner.followers.lock();
        if follower.is_listened_to() {
            return false;
        }
        remove(&mut followers, follower, digest);
        true
    }

    fn remove(&self, follower: &Arc<Follower>, digest: Digest) {
        remove(&mut self.inner.followers.lock(), follower, digest);
    }
}

fn remove(followers: &mut FxHashMap<Digest, Arc<Follower>>, gone: &Arc<Follower>, digest: Digest) {
    let is_same = followers
        .get(&digest)
        .is_some_and(|follower| Arc::ptr_eq(follower, gone));
    if is_same {
        followers.remove(&digest);
        metrics::gauge!(FOLLOWERS).set(followers.len() as f64);
    }
}
