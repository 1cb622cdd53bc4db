//! Wake-ups: which conversations have changed, as a hint to read them. Losing one is harmless because the reader is told
//! that it may have lost some.

use crate::index::IndexUpdate;
use crate::{Error, Store, client};
use domain::ids::Digest;
use futures::{Stream, StreamExt as _};
use redis::aio::{PubSubSink, PubSubStream};
use redis::{Cmd, Value};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;

/// Conversations named in one message; a message goes to every subscriber as a whole.
const CHANGES_PER_MESSAGE_MAX: usize = 1_000;
/// Wake-ups that wait for a slow reader. Beyond it they are dropped and the reader is told to look at everything.
const WAITING_MAX: usize = 8_192;
/// A connection that says nothing for this long is asked whether it still lives.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// Names no change, so whoever receives it looks at everything.
pub(crate) const RESYNC: &str = "resync";
const RECONNECT_DELAY_MIN: Duration = Duration::from_millis(50);
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wakeup {
    Changed {
        digest: Digest,
        version: u64,
    },
    /// Anything may have been missed before this: after every new connection, and when the reader was too slow.
    Resync,
}

impl Store {
    /// Tells everyone who listens that the conversations have changed.
    pub(crate) fn announcements(&self, updates: &[IndexUpdate]) -> Vec<Cmd> {
        let mut newest: HashMap<Digest, u64> = HashMap::new();
        for update in updates {
            let version = newest.entry(update.summary.key.digest()).or_default();
            *version = (*version).max(update.summary.version);
        }
        let changes: Vec<String> = newest
            .iter()
            .map(|(digest, version)| format!("{digest}:{version}"))
            .collect();
        let message = |changes: &[String]| {
            let mut command = redis::cmd("PUBLISH");
            command.arg(self.keys.changes()).arg(changes.join(" "));
            command
        };
        changes
            .chunks(CHANGES_PER_MESSAGE_MAX)
            .map(message)
            .collect()
    }

    /// Listens on a connection of its own, from now on: the first item is [`Wakeup::Resync`]. The stream goes on until it
    /// is dropped; it reconnects by itself.
    pub async fn wakeups(
        &self,
    ) -> Result<impl Stream<Item = Wakeup> + Send + Unpin + use<>, Error> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let mut listener = Listener {
            store: self.clone(),
            generation: self.connection.generation(),
            sender,
            has_lost: true,
        };
        let subscription = listener.subscribe().await?;
        tokio::spawn(listener.run(subscription));
        Ok(ReceiverStream::new(receiver))
    }
}

type Subscription = (PubSubSink, PubSubStream);

struct Listener {
    store: Store,
    /// When the others had to look for the way to Redis, this connection may lead to where nothing is said any more.
    generation: watch::Receiver<u64>,
    sender: mpsc::Sender<Wakeup>,
    /// Whether a [`Wakeup::Resync`] has to come before anything else.
    has_lost: bool,
}

impl Listener {
    async fn run(mut self, first: Subscription) {
        let mut subscription = Some(first);
        let mut delay = RECONNECT_DELAY_MIN;
        let mut is_told = false;
        while !self.sender.is_closed() {
            match subscription.take() {
                Some(live) => {
                    delay = RECONNECT_DELAY_MIN;
                    is_told = false;
                    self.has_lost = true;
                    self.forward(live).await;
                }
                None => {
                    tokio::select! {
                        () = sleep(delay) => {}
                        () = self.sender.closed() => return,
                    }
                    delay = (delay * 2).min(RECONNECT_DELAY_MAX);
                    match self.subscribe().await {
                        Ok(live) => subscription = Some(live),
                        Err(error) if is_told => {
                            tracing::debug!(%error, "cannot listen for changes yet");
                        }
                        Err(error) => {
                            is_told = true;
                            tracing::warn!(%error, "cannot listen for changes, trying again");
                        }
                    }
                }
            }
        }
    }

    /// Any node will do: a cluster carries messages to all of them.
    async fn subscribe(&mut self) -> Result<Subscription, Error> {
        self.generation.mark_unchanged();
        let mut last_error = Error::Config("no address to listen at".to_owned());
        for address in self.store.connection.addresses().await? {
            let client = client::of_server(address, &self.store.config)?;
            let attempt = async {
                let mut connection = client.get_async_pubsub().await?;
                connection.subscribe(self.store.keys.changes()).await?;
                Ok::<_, redis::RedisError>(connection.split())
            };
            match timeout(self.store.config.connect_timeout(), attempt).await {
                Ok(Ok(subscription)) => return Ok(subscription),
                Ok(Err(error)) => last_error = error.into(),
                Err(_) => last_error = client::timed_out(),
            }
        }
        Err(last_error)
    }

    /// Passes on what comes until the connection ends, or the reader goes.
    async fn forward(&mut self, (mut sink, mut messages): Subscription) {
        let mut ping = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The library reads ahead without bound, so this loop never waits for the reader.
        loop {
            let sender = self.sender.clone();
            tokio::select! {
                room = sender.reserve(), if self.has_lost => match room {
                    Ok(room) => {
                        room.send(Wakeup::Resync);
                        self.has_lost = false;
                    }
                    Err(_) => return,
                },
                message = messages.next() => match message {
                    Some(message) => self.pass_on(message.get_payload_bytes()),
                    None => return,
                },
                _ = ping.tick() => {
                    let answer = timeout(self.store.config.response_timeout(), sink.ping::<Value>()).await;
                    if !matches!(answer, Ok(Ok(_))) {
                        return;
                    }
                }
                _ = self.generation.changed() => return,
                () = sender.closed() => return,
            }
        }
    }

    fn pass_on(&mut self, message: &[u8]) {
        if self.has_lost {
            return;
        }
        let text = String::from_utf8_lossy(message);
        for change in text.split(' ') {
            let wakeup = parse(change).unwrap_or(Wakeup::Resync);
            if self.sender.try_send(wakeup).is_err() {
                self.has_lost = true;
                return;
            }
        }
    }
}

/// `None` for what this version does not understand; the reader then looks for itself.
fn parse(change: &str) -> Option<Wakeup> {
    let (digest, version) = change.split_once(':')?;
    Some(Wakeup::Changed {
        digest: Digest::parse_hex(digest)?,
        version: version.parse().ok()?,
    })
}
