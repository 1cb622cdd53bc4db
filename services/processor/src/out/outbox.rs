//! The revisions that are on their way to the topic of finalised conversations, as a machine: which may come, which is sent
//! next, and what a failure means. It has no client and no clock.
//!
//! What is in it is in the store as well, unpublished and due; so it may refuse, and it may forget. A topic that refuses is
//! asked less and less often, by one revision at a time, and what waited is forgotten: it costs next to nothing for as long
//! as it lasts. A topic that does not answer keeps what it was sent, and nothing more comes when that is as much as may be.

use domain::ids::ConversationKey;
use std::collections::{HashMap, VecDeque};

/// Revisions on their way at once. They hold whole transcripts.
pub const REVISIONS_MAX: usize = 64;
/// Of these, those that were sent and are not answered; they are held as bytes as well.
pub const SENT_MAX: usize = 16;
/// Waits after failures.
const RETRY_MIN_MS: i64 = 1_000;
const RETRY_MAX_MS: i64 = 30_000;
/// Longer than this nothing healthy takes.
pub const SLOW_MS: i64 = 10_000;

/// At most one revision of each conversation, for each waits for the one before.
#[derive(Debug)]
pub struct Outbox<T> {
    entries: HashMap<ConversationKey, Entry>,
    waiting: VecDeque<(ConversationKey, T)>,
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    revision: u32,
    since_ms: i64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Sent,
    /// It is in Kafka, and the store is about to know.
    Delivered,
}

/// Failures without a success between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub since_ms: i64,
    /// The last of them.
    pub cause: String,
    wait_ms: i64,
    retry_at_ms: i64,
}

/// How publishing goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Well,
    /// Kafka has not answered for so long, and not refused either.
    Slow {
        for_ms: i64,
    },
    Failing(Trouble),
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            waiting: VecDeque::new(),
            trouble: None,
        }
    }
}

impl<T> Outbox<T> {
    /// How many more may come.
    pub fn room(&self, now_ms: i64) -> usize {
        match &self.trouble {
            None => REVISIONS_MAX.saturating_sub(self.entries.len()),
            Some(trouble) => usize::from(self.entries.is_empty() && now_ms >= trouble.retry_at_ms),
        }
    }

    /// Whether some revision of the conversation is on its way.
    pub fn holds(&self, key: &ConversationKey) -> bool {
        self.entries.contains_key(key)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether this revision may come now. The next one of a conversation takes the place of one that was delivered.
    pub fn takes(&self, key: &ConversationKey, revision: u32, now_ms: i64) -> bool {
        match self.entries.get(key) {
            Some(entry) => {
                entry.state == State::Delivered
                    && entry.revision < revision
                    && self.trouble.is_none()
            }
            None => self.room(now_ms) > 0,
        }
    }

    /// Takes it in, and says whether it did: see [`Self::takes`].
    pub fn put(&mut self, key: ConversationKey, revision: u32, what: T, now_ms: i64) -> bool {
        let is_taken = self.takes(&key, revision, now_ms);
        if is_taken {
            let entry = Entry {
                revision,
                since_ms: now_ms,
                state: State::Waiting,
            };
            self.entries.insert(key.clone(), entry);
            self.waiting.push_back((key, what));
        }
        is_taken
    }

    /// What is to be sent now.
    pub fn send_next(&mut self) -> Option<(ConversationKey, T)> {
        let sent = self.entries.values().filter(|entry| entry.is(State::Sent));
        if sent.count() >= SENT_MAX {
            return None;
        }
        let (key, what) = self.waiting.pop_front()?;
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.state = State::Sent;
        }
        Some((key, what))
    }

    /// It was written. It stays until the store knows, so that nobody sends it again meanwhile: see [`Self::settled`].
    pub fn delivered(&mut self, key: &ConversationKey) {
        self.trouble = None;
        self.given_out(key);
    }

    /// It never can be, which says nothing about others. It counts as given out.
    pub fn too_large(&mut self, key: &ConversationKey) {
        self.given_out(key);
    }

    fn given_out(&mut self, key: &ConversationKey) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.state = State::Delivered;
        }
    }

    /// It was not written: it is forgotten, with all that waits.
    pub fn failed(&mut self, key: &ConversationKey, cause: String, now_ms: i64) {
        self.entries.remove(key);
        for (key, _) in self.waiting.drain(..) {
            self.entries.remove(&key);
        }
        let Some(trouble) = &mut self.trouble else {
            self.trouble = Some(Trouble {
                since_ms: now_ms,
                cause,
                wait_ms: RETRY_MIN_MS,
                retry_at_ms: now_ms + RETRY_MIN_MS,
            });
            return;
        };
        trouble.cause = cause;
        // Before that, it is of those that were sent before the first failure.
        if now_ms >= trouble.retry_at_ms {
            trouble.wait_ms = (trouble.wait_ms * 2).min(RETRY_MAX_MS);
            trouble.retry_at_ms = now_ms + trouble.wait_ms;
        }
    }

    /// The store knows that this revision was given out, or nobody will ever tell it.
    pub fn settled(&mut self, key: &ConversationKey, revision: u32) {
        let is_it = |entry: &Entry| entry.revision == revision && entry.is(State::Delivered);
        if self.entries.get(key).is_some_and(is_it) {
            self.entries.remove(key);
        }
    }

    /// How long the oldest is on its way.
    pub fn oldest_ms(&self, now_ms: i64) -> i64 {
        let undelivered = self
            .entries
            .values()
            .filter(|entry| !entry.is(State::Delivered));
        let since_ms = undelivered.map(|entry| entry.since_ms).min();
        since_ms.map_or(0, |since_ms| (now_ms - since_ms).max(0))
    }

    pub fn status(&self, now_ms: i64) -> Status {
        match &self.trouble {
            Some(trouble) => Status::Failing(trouble.clone()),
            None if self.oldest_ms(now_ms) >= SLOW_MS => Status::Slow {
                for_ms: self.oldest_ms(now_ms),
            },
            None => Status::Well,
        }
    }
}

impl Entry {
    fn is(&self, state: State) -> bool {
        self.state == state
    }
}

#[cfg(test)]
mod tests;
