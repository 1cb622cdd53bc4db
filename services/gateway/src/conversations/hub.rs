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
use super::reader::{ConversationReader, ReadError};
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
    reader: ConversationReader,
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
    pub fn new(reader: ConversationReader, live: LiveConfig, retention: Duration) -> Self {
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
            // Held meanwhile, or the follower would leave because nobody listens.
            let held = self.join(digest);
            let follower = held.follower();
            if follower.step().await?
                && let Some(following) = follower.listen()
            {
                return Ok(following);
            }
        }
        Ok(self.join(digest))
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

    /// Begins to listen to the follower of a conversation, and begins to follow it if nobody does. Both under the lock
    /// under which followers leave: whoever listens has a follower that runs.
    fn join(&self, digest: Digest) -> Following {
        let mut followers = self.inner.followers.lock();
        loop {
            let running = followers.get(&digest).and_then(Follower::listen);
            if let Some(following) = running {
                return following;
            }
            let follower = Follower::new(
                digest,
                self.inner.reader.clone(),
                self.inner.live.buffer_steps,
            );
            self.drive(follower.clone(), digest);
            followers.insert(digest, follower);
            metrics::gauge!(FOLLOWERS).set(followers.len() as f64);
        }
    }

    fn drive(&self, follower: Arc<Follower>, digest: Digest) {
        let pace = Pace {
            step: Duration::from_millis(self.inner.live.message_step_ms),
            recheck: Duration::from_millis(self.inner.live.recheck_ms),
        };
        let hub = self.clone();
        tokio::spawn(async move {
            follower.run(pace, || hub.leave(&follower, digest)).await;
            remove(&mut hub.inner.followers.lock(), &follower, digest);
        });
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

#[cfg(test)]
mod tests {
    use super::super::follower::Ended;
    use super::*;
    use crate::config::LimitsConfig;
    use std::sync::atomic::{AtomicBool, Ordering};
    use store::Store;
    use store::testing::RedisServer;

    const DIGEST: Digest = Digest([1; 16]);

    async fn hub() -> (RedisServer, Hub) {
        let server = RedisServer::start().await.expect("redis-server starts");
        let store = Store::connect(&server.config()).await.expect("connects");
        let reader = ConversationReader::new(store, &LimitsConfig::default());
        let hub = Hub::new(reader, LiveConfig::default(), Duration::from_secs(60));
        (server, hub)
    }

    fn is_driven(hub: &Hub, following: &Following) -> bool {
        let followers = hub.inner.followers.lock();
        let running = followers.get(&DIGEST);
        running.is_some_and(|running| Arc::ptr_eq(running, following.follower()))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_joins_while_a_follower_leaves_has_one_that_runs() {
        let (_server, hub) = hub().await;
        let has_joined = Arc::new(AtomicBool::new(false));
        let leaving = tokio::task::spawn_blocking({
            let (hub, has_joined) = (hub.clone(), has_joined.clone());
            move || {
                while !has_joined.load(Ordering::Relaxed) {
                    let running = hub.inner.followers.lock().get(&DIGEST).cloned();
                    running.map(|running| hub.leave(&running, DIGEST));
                }
            }
        });
        let joining = tokio::task::spawn_blocking(move || {
            let undriven = (0..100_000)
                .filter(|_| !is_driven(&hub, &hub.join(DIGEST)))
                .count();
            has_joined.store(true, Ordering::Relaxed);
            undriven
        });
        assert_eq!(joining.await.expect("joins"), 0);
        leaving.await.expect("leaves");
    }

    #[tokio::test]
    async fn a_follower_that_has_ended_is_not_joined_but_followed_by_another() {
        let (_server, hub) = hub().await;
        let ended = hub.join(DIGEST);
        ended.follower().end(Ended::Gone);
        let following = hub.follow(DIGEST).await.expect("follows");
        assert!(is_driven(&hub, &following) && !is_driven(&hub, &ended));
    }
}
