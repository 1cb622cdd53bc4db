//! Work for conversations, or traces, that are set apart: it waits or is given up, and the others' goes on.

use super::apart::{Apart, Verdict};
use super::retry::Seldom;
use super::sifting::Trouble;
use crate::item::Ticket;
use crate::metrics as names;
use domain::ids::{ConversationKey, Digest, TraceKey};
use metrics::{counter, gauge};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::hash::Hash;
use store::Remedy;
use tokio::time::Instant;
use tracing::{info, warn};

/// What work is for.
pub(crate) trait Key: Clone + Debug + Eq + Hash {
    const WHAT: &'static str;
    /// Counts those that are set apart, over all tasks.
    const GAUGE: &'static str;

    fn digest(&self) -> Digest;
}

impl Key for ConversationKey {
    const WHAT: &'static str = "conversation";
    const GAUGE: &'static str = names::CONVERSATIONS_SET_APART;

    fn digest(&self) -> Digest {
        self.digest()
    }
}

impl Key for TraceKey {
    const WHAT: &'static str = "trace";
    const GAUGE: &'static str = names::TRACES_SET_APART;

    fn digest(&self) -> Digest {
        self.digest()
    }
}

/// Work that can wait.
pub(crate) trait Waits {
    /// Takes in what came later.
    fn append(&mut self, later: Self);
    /// Lets go of what is due in the store and will be found there again, with the permits that it holds.
    fn drop_what_is_due(&mut self);
    fn is_empty(&self) -> bool;
    fn into_tickets(self) -> Vec<Ticket>;
}

#[derive(Debug)]
pub(crate) struct Aside<K, W> {
    apart: Apart,
    /// Bounded by the records in flight.
    waiting: HashMap<K, W>,
    counted: usize,
    untold: Seldom,
}

impl<K: Key, W> Default for Aside<K, W> {
    fn default() -> Self {
        // Alarms need it from the beginning.
        gauge!(K::GAUGE).increment(0.0);
        Self {
            apart: Apart::default(),
            waiting: HashMap::new(),
            counted: 0,
            untold: Seldom::default(),
        }
    }
}

impl<K: Key, W: Waits> Aside<K, W> {
    /// What may be tried now: of what is new, and of what has waited.
    pub(crate) fn sort(&mut self, new: HashMap<K, W>) -> HashMap<K, W> {
        if self.apart.count() == 0 && self.waiting.is_empty() {
            return new;
        }
        let now = Instant::now();
        self.apart.forget(now);
        self.show();
        let apart = &self.apart;
        let is_over = |key: &K| apart.verdict(&key.digest(), now).is_none();
        let mut tried: HashMap<K, W> = self.waiting.extract_if(|key, _| is_over(key)).collect();
        for (key, work) in new {
            match self.apart.verdict(&key.digest(), now) {
                None => append(&mut tried, key, work),
                Some(verdict) => self.put(key, work, verdict),
            }
        }
        tried
    }

    /// When there is something to be done; `None` while there is not.
    pub(crate) fn next(&self) -> Option<Instant> {
        let until = |key: &K| self.apart.until(&key.digest());
        let waiting = self.waiting.keys();
        let ends = waiting.map(|key| until(key).unwrap_or_else(Instant::now));
        ends.chain(self.apart.forgets_at()).min()
    }

    /// The store does not do it: it is set apart, with the work that was not done.
    pub(crate) fn failed(&mut self, key: K, trouble: &Trouble, left: W) {
        let verdict = self.apart.failed(key.digest(), trouble, Instant::now());
        if let Some(others) = self.untold.tell() {
            let (what, cause) = (K::WHAT, trouble.cause.as_str());
            match verdict {
                Verdict::WaitUntil(_) => {
                    warn!(
                        ?key,
                        cause, others, "a {what} waits, for a newer version has written it"
                    );
                }
                Verdict::GiveUp => {
                    warn!(
                        ?key,
                        cause, others, "a {what} is set apart, records for it become dead letters"
                    );
                }
            }
        }
        self.put(key, left, verdict);
        self.show();
    }

    /// The store did all that it was asked.
    pub(crate) fn works(&mut self, key: &K) {
        if self.apart.count() > 0 && self.apart.works(&key.digest()) {
            let what = K::WHAT;
            info!(?key, "a {what} that was set apart goes on");
            self.show();
        }
    }

    fn put(&mut self, key: K, mut work: W, verdict: Verdict) {
        if verdict == Verdict::GiveUp {
            let trouble = self.apart.trouble(&key.digest());
            let trouble = trouble.unwrap_or_else(|| Trouble {
                remedy: Remedy::SetApart,
                cause: String::new(),
            });
            let why = format!("{} {key:?} cannot be written: {}", K::WHAT, trouble.cause);
            for ticket in work.into_tickets() {
                give_up(ticket, trouble.remedy, &why);
            }
            return;
        }
        work.drop_what_is_due();
        if !work.is_empty() {
            append(&mut self.waiting, key, work);
        }
    }

    fn show(&mut self) {
        let count = self.apart.count();
        gauge!(K::GAUGE).increment(count as f64 - self.counted as f64);
        self.counted = count;
    }
}

/// Adds to what there is for a key.
pub(crate) fn append<K: Key, W: Waits>(all: &mut HashMap<K, W>, key: K, later: W) {
    match all.entry(key) {
        Entry::Occupied(mut known) => known.get_mut().append(later),
        Entry::Vacant(none) => drop(none.insert(later)),
    }
}

/// Gives a share in a record up.
pub(crate) fn give_up(ticket: Ticket, remedy: Remedy, why: &str) {
    let reason = match remedy {
        Remedy::Upgrade => "newer",
        _ => "refused",
    };
    counter!(names::SHARES_GIVEN_UP, "reason" => reason).increment(1);
    ticket.failed(why);
}

#[cfg(test)]
mod tests {
    use super::super::apart::NEWER_WAITED_FOR;
    use super::super::batch::Batch;
    use super::super::job::Close;
    use super::super::shares::Piece;
    use super::*;
    use crate::item::{Ends, GivenUp, bounded_by_room};
    use crate::source::{Position, Record};
    use domain::facts::SpanFact;
    use domain::prepare::{Fact, Prepared};
    use std::sync::Arc;
    use std::time::Duration;
    use store::Epoch;
    use tokio::sync::Semaphore;
    use tokio::sync::mpsc::UnboundedReceiver;

    const S: Duration = Duration::from_secs(1);

    struct Rig {
        aside: Aside<ConversationKey, Batch>,
        ends: Ends,
        done: UnboundedReceiver<Position>,
        given_up: UnboundedReceiver<GivenUp>,
    }

    fn rig() -> Rig {
        let ((done, is_done), (give_up, given_up)) = (bounded_by_room(), bounded_by_room());
        Rig {
            aside: Aside::default(),
            ends: Ends {
                done,
                given_up: give_up,
            },
            done: is_done,
            given_up,
        }
    }

    fn key(id: &str) -> ConversationKey {
        ConversationKey {
            project: "shop".to_owned(),
            id: id.to_owned(),
        }
    }

    fn trouble(remedy: Remedy) -> Trouble {
        Trouble {
            remedy,
            cause: "it is so".to_owned(),
        }
    }

    impl Rig {
        fn batch(&self, offset: i64) -> Batch {
            let prepared = Prepared {
                fact: Fact::Span(Box::<SpanFact>::default()),
                bodies: Vec::new(),
                nodes: Vec::new(),
            };
            let mut batch = Batch::default();
            let ticket = Ticket::first(&Record::at_offset(offset), &self.ends);
            batch.shares.push(Piece::Fact(prepared), ticket);
            batch
        }

        /// How many shares may be tried now of each conversation, with what is new.
        fn sort(&mut self, new: Vec<(&str, Batch)>) -> Vec<(String, usize)> {
            let new = new.into_iter().map(|(id, batch)| (key(id), batch));
            let tried = self.aside.sort(new.collect());
            let mut tried: Vec<_> = tried
                .into_iter()
                .map(|(key, batch)| {
                    let (id, tickets) = (key.id, batch.into_tickets());
                    let count = tickets.len();
                    tickets.into_iter().for_each(Ticket::done);
                    (id, count)
                })
                .collect();
            tried.sort();
            tried
        }

        fn fail(&mut self, remedy: Remedy, offset: i64) {
            let left = self.batch(offset);
            self.aside.failed(key("bad"), &trouble(remedy), left);
        }

        fn given_up(&mut self) -> Vec<i64> {
            let given_up = std::iter::from_fn(|| self.given_up.try_recv().ok());
            given_up.map(|one| one.record.at.offset).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_is_given_up_at_once_until_it_may_be_tried_again() {
        let mut rig = rig();
        rig.fail(Remedy::SetApart, 1);
        let new = vec![("bad", rig.batch(2)), ("good", rig.batch(3))];
        assert_eq!(rig.sort(new), [("good".to_owned(), 1)]);
        let given_up = rig.given_up.try_recv().expect("given up");
        assert!(given_up.why.contains("it is so"), "{}", given_up.why);
        assert_eq!(rig.given_up(), [2]);
        tokio::time::advance(S).await;
        let new = vec![("bad", rig.batch(4))];
        assert_eq!(rig.sort(new), [("bad".to_owned(), 1)]);
        rig.aside.works(&key("bad"));
        let new = vec![("bad", rig.batch(5))];
        assert_eq!(rig.sort(new), [("bad".to_owned(), 1)]);
        assert_eq!((rig.given_up(), rig.aside.next()), (vec![], None));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_of_a_newer_version_waits_with_what_comes_meanwhile_and_without_permits() {
        let mut rig = rig();
        rig.fail(Remedy::Upgrade, 1);
        let permits = Arc::new(Semaphore::new(1));
        let mut batch = rig.batch(2);
        batch.close = Some(Close {
            watermark_ms: 0,
            epoch: Epoch::named("e"),
        });
        batch
            .permits
            .extend(Arc::clone(&permits).try_acquire_owned());
        assert_eq!(rig.sort(vec![("bad", batch)]), []);
        assert_eq!(permits.available_permits(), 1, "others may be closed");
        let next = rig.aside.next().expect("something waits");
        assert_eq!(next - Instant::now(), S);
        tokio::time::advance(S).await;
        let new = vec![("bad", rig.batch(3))];
        assert_eq!(rig.sort(new), [("bad".to_owned(), 3)]);
        let done = std::iter::from_fn(|| rig.done.try_recv().ok());
        assert_eq!(done.map(|at| at.offset).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_of_a_newer_version_is_given_up_when_that_does_not_come() {
        let mut rig = rig();
        let began = Instant::now();
        rig.fail(Remedy::Upgrade, 1);
        while began.elapsed() < NEWER_WAITED_FOR {
            let next = rig.aside.next().expect("something waits");
            tokio::time::advance(next - Instant::now()).await;
            let tried = rig.aside.sort(HashMap::new());
            assert_eq!((tried.len(), rig.given_up()), (1, vec![]));
            for (key, left) in tried {
                rig.aside.failed(key, &trouble(Remedy::Upgrade), left);
            }
        }
        assert_eq!(rig.given_up(), [1]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_for_which_nothing_comes_is_forgotten() {
        let mut rig = rig();
        rig.fail(Remedy::SetApart, 1);
        let next = rig.aside.next().expect("it is remembered");
        tokio::time::advance(next - Instant::now()).await;
        assert_eq!(rig.sort(vec![]), []);
        assert_eq!((rig.aside.counted, rig.aside.next()), (0, None));
    }
}
