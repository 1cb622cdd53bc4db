//! What travels through the pipeline, and how a record learns that all of it is done.

use crate::out::publishing::Confirmed;
use crate::shards::job::Close;
use crate::source::{Position, Record};
use domain::facts::{Link, Move};
use domain::ids::{ConversationKey, Digest};
use domain::prepare::Prepared;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tracing::debug;

/// A channel that needs no bound of its own, for what goes through it is bounded already: by the records in flight
/// ([`crate::books::Room`]), by permits, or by one question at a time.
#[expect(clippy::disallowed_methods, reason = "see above")]
pub fn bounded_by_room<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    tokio::sync::mpsc::unbounded_channel()
}

/// A share in a record: the record is done when every ticket of it is. A ticket that is dropped undone keeps the
/// record's offset from being committed, so that the record is read again.
#[derive(Debug)]
pub struct Ticket(Arc<Open>);

/// Where it is told what became of records. What goes through is bounded by the records in flight.
#[derive(Clone, Debug)]
pub struct Ends {
    pub done: UnboundedSender<Position>,
    pub given_up: UnboundedSender<GivenUp>,
}

/// A record of which some shares were given up: it is done when its dead letter is delivered.
#[derive(Debug)]
pub struct GivenUp {
    pub record: Record,
    /// Of the first of these shares.
    pub why: String,
}

#[derive(Debug)]
struct Open {
    tickets: AtomicU32,
    /// Why the first share that was given up was.
    given_up: OnceLock<String>,
    then: Then,
}

/// What happens when all tickets are done.
#[derive(Debug)]
enum Then {
    Tell(Box<Origin>),
    Finish(parking_lot::Mutex<Vec<Ticket>>, After),
}

/// A record whose tickets these are. It is kept for its dead letter; its bytes count as in flight until it is done.
#[derive(Debug)]
struct Origin {
    record: Record,
    ends: Ends,
}

/// What else is done then, once.
#[derive(Default)]
struct After(parking_lot::Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl std::fmt::Debug for After {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("After")
    }
}

impl Ticket {
    /// The first ticket of a record.
    pub fn first(record: &Record, ends: &Ends) -> Self {
        Self::opened(Then::Tell(Box::new(Origin {
            record: record.without_room(),
            ends: ends.clone(),
        })))
    }

    /// One for work that several records have caused together: when it is done or given up, all of theirs are.
    pub fn of_all(tickets: Vec<Self>) -> Self {
        Self::opened(Then::Finish(tickets.into(), After::default()))
    }

    /// Likewise, and something that has waited for it is done then. When it is dropped undone, that is not done.
    pub fn of_all_then(tickets: Vec<Self>, then: impl FnOnce() + Send + 'static) -> Self {
        let then: Box<dyn FnOnce() + Send> = Box::new(then);
        Self::opened(Then::Finish(tickets.into(), After(Some(then).into())))
    }

    fn opened(then: Then) -> Self {
        Self(Arc::new(Open {
            tickets: AtomicU32::new(1),
            given_up: OnceLock::new(),
            then,
        }))
    }

    /// One more share in the same record.
    pub fn another(&self) -> Self {
        self.0.tickets.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }

    /// The share is given up: when the others are done or given up too, the record becomes a dead letter with the first
    /// reason, and is done after that.
    pub fn failed(self, why: &str) {
        self.0.given_up.get_or_init(|| why.to_owned());
        self.done();
    }

    pub fn done(self) {
        if self.0.tickets.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        let given_up = self.0.given_up.get();
        match &self.0.then {
            Then::Tell(origin) => origin.tell(given_up),
            Then::Finish(tickets, after) => {
                let tickets = std::mem::take(&mut *tickets.lock());
                for ticket in tickets {
                    match given_up {
                        Some(why) => ticket.failed(why),
                        None => ticket.done(),
                    }
                }
                let after = after.0.lock().take();
                if let Some(after) = after {
                    after();
                }
            }
        }
    }
}

impl Origin {
    /// The receivers are gone only when the pipeline is, and then nothing is committed any more.
    fn tell(&self, given_up: Option<&String>) {
        match given_up {
            None => drop(self.ends.done.send(self.record.at.clone())),
            Some(why) => drop(self.ends.given_up.send(GivenUp {
                record: self.record.without_room(),
                why: why.clone(),
            })),
        }
    }
}

/// Work for the shard that owns a conversation in this process.
#[derive(Debug)]
pub enum Work {
    Fact {
        conversation: ConversationKey,
        prepared: Box<Prepared>,
        ticket: Ticket,
    },
    Link {
        conversation: ConversationKey,
        link: Link,
        ticket: Ticket,
    },
    Move {
        conversation: ConversationKey,
        moved: Move,
        ticket: Ticket,
    },
    /// The watermark has come: close the oldest window if it has passed, or hand on a revision that is not published.
    /// The permit bounds how many are closed at once.
    Close {
        conversation: ConversationKey,
        close: Close,
        permit: OwnedSemaphorePermit,
    },
    /// A revision is in Kafka: the store shall know, and the next window may close.
    Published {
        conversation: ConversationKey,
        confirmed: Confirmed,
        close: Option<Close>,
    },
}

impl Work {
    pub fn conversation(&self) -> &ConversationKey {
        match self {
            Self::Fact { conversation, .. }
            | Self::Link { conversation, .. }
            | Self::Move { conversation, .. }
            | Self::Close { conversation, .. }
            | Self::Published { conversation, .. } => conversation,
        }
    }
}

/// Work of which one task of several is the owner.
pub trait Owned {
    /// Of what it is about.
    fn digest(&self) -> Digest;
}

impl Owned for Work {
    fn digest(&self) -> Digest {
        self.conversation().digest()
    }
}

/// The ways to tasks that share what there is among them, one each.
#[derive(Debug)]
pub struct Ways<W>(pub Arc<[UnboundedSender<W>]>);

impl<W> Clone for Ways<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Owned> Ways<W> {
    pub fn send(&self, work: W) {
        let digest = u128::from_le_bytes(work.digest().0);
        let task = (digest % self.0.len() as u128) as usize;
        if self.0[task].send(work).is_err() {
            // The task has stopped, and with it the process: the record stays undone.
            debug!(task, "work for a stopped task was dropped");
        }
    }
}

/// The ways to the shards.
pub type Shards = Ways<Work>;

#[cfg(test)]
mod tests {
    use super::*;

    struct Ended {
        ends: Ends,
        done: UnboundedReceiver<Position>,
        given_up: UnboundedReceiver<GivenUp>,
    }

    fn ended() -> Ended {
        let ((done, is_done), (give_up, given_up)) = (bounded_by_room(), bounded_by_room());
        Ended {
            ends: Ends {
                done,
                given_up: give_up,
            },
            done: is_done,
            given_up,
        }
    }

    impl Ended {
        fn ticket(&self, offset: i64) -> Ticket {
            Ticket::first(&Record::at_offset(offset), &self.ends)
        }

        /// Offsets of what is done, and of what was given up.
        fn take(&mut self) -> (Vec<i64>, Vec<(i64, String)>) {
            let done = std::iter::from_fn(|| self.done.try_recv().ok());
            let given_up = std::iter::from_fn(|| self.given_up.try_recv().ok());
            (
                done.map(|at| at.offset).collect(),
                given_up
                    .map(|one| (one.record.at.offset, one.why))
                    .collect(),
            )
        }
    }

    #[test]
    fn a_record_is_done_when_its_last_ticket_is_and_never_by_dropping() {
        let mut ended = ended();
        let first = ended.ticket(7);
        let second = first.another();
        first.done();
        assert_eq!(ended.take(), (vec![], vec![]));
        second.done();
        assert_eq!(ended.take(), (vec![7], vec![]));
        drop(ended.ticket(7));
        assert_eq!(ended.take(), (vec![], vec![]));
    }

    #[test]
    fn what_several_records_have_caused_is_done_for_all_of_them() {
        let mut ended = ended();
        let tickets = [7, 8].map(|offset| ended.ticket(offset));
        let (told, mut was_told) = tokio::sync::oneshot::channel();
        let first = Ticket::of_all_then(tickets.into(), move || {
            let _ = told.send(());
        });
        let second = first.another();
        first.done();
        assert_eq!(ended.take(), (vec![], vec![]));
        assert!(was_told.try_recv().is_err());
        second.done();
        assert_eq!(was_told.try_recv(), Ok(()));
        assert_eq!(ended.take(), (vec![7, 8], vec![]));
    }

    #[test]
    fn a_record_of_which_a_share_is_given_up_is_not_done_and_comes_back_whole_with_the_first_reason()
     {
        let mut ended = ended();
        let first = ended.ticket(7);
        let (second, third) = (first.another(), first.another());
        first.failed("too deep");
        second.failed("too large");
        assert_eq!(ended.take(), (vec![], vec![]), "a share is not done yet");
        third.done();
        let given_up = ended.given_up.try_recv().expect("given up");
        assert_eq!(
            (given_up.record.at.offset, given_up.why.as_str()),
            (7, "too deep")
        );
        assert_eq!(given_up.record.payload, b"a span".as_slice());
        assert_eq!(ended.take(), (vec![], vec![]));
    }

    #[test]
    fn what_several_records_have_caused_is_given_up_for_all_of_them_and_what_waits_for_it_goes_on()
    {
        let mut ended = ended();
        let tickets = [7, 8].map(|offset| ended.ticket(offset));
        let of_record = tickets[0].another();
        let (told, mut was_told) = tokio::sync::oneshot::channel();
        let all = Ticket::of_all_then(tickets.into(), move || {
            let _ = told.send(());
        });
        let another = all.another();
        all.failed("no");
        assert_eq!(ended.take(), (vec![], vec![]));
        another.done();
        assert_eq!(was_told.try_recv(), Ok(()));
        assert_eq!(ended.take(), (vec![], vec![(8, "no".to_owned())]));
        of_record.done();
        assert_eq!(ended.take(), (vec![], vec![(7, "no".to_owned())]));
    }
}
