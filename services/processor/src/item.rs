//! What travels through the pipeline, and how a record learns that all of it is done.

use crate::out::publishing::Confirmed;
use crate::shards::job::Close;
use crate::source::Position;
use domain::facts::{Link, Move};
use domain::ids::ConversationKey;
use domain::prepare::Prepared;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
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

#[derive(Debug)]
struct Open {
    tickets: AtomicU32,
    then: Then,
}

/// What happens when all tickets are done.
#[derive(Debug)]
enum Then {
    Tell(Position, UnboundedSender<Position>),
    Finish(parking_lot::Mutex<Vec<Ticket>>, After),
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
    /// The first ticket of a record. `done` is told when all are done; what it holds is bounded by the records in flight.
    pub fn first(position: Position, done: UnboundedSender<Position>) -> Self {
        Self::opened(Then::Tell(position, done))
    }

    /// One for work that several records have caused together: when it is done, all of theirs are.
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
            then,
        }))
    }

    /// One more share in the same record.
    pub fn another(&self) -> Self {
        self.0.tickets.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }

    pub fn done(self) {
        if self.0.tickets.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        match &self.0.then {
            // The receiver is gone only when the pipeline is, and then nothing is committed any more.
            Then::Tell(position, done) => drop(done.send(position.clone())),
            Then::Finish(tickets, after) => {
                let tickets = std::mem::take(&mut *tickets.lock());
                tickets.into_iter().for_each(Self::done);
                let after = after.0.lock().take();
                after.map(|after| after());
            }
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

/// The ways to the shards, one each.
#[derive(Clone, Debug)]
pub struct Shards(pub Arc<[UnboundedSender<Work>]>);

impl Shards {
    pub fn send(&self, work: Work) {
        let digest = u128::from_le_bytes(work.conversation().digest().0);
        let shard = (digest % self.0.len() as u128) as usize;
        if self.0[shard].send(work).is_err() {
            // The shard has stopped, and with it the process: the record stays undone.
            debug!(shard, "work for a stopped shard was dropped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::TopicPartition;

    #[test]
    fn a_record_is_done_when_its_last_ticket_is_and_never_by_dropping() {
        let (done, mut finished) = bounded_by_room();
        let partition = TopicPartition::new("otlp_spans", 0);
        let position = Position {
            partition,
            offset: 7,
            generation: 1,
        };
        let first = Ticket::first(position.clone(), done.clone());
        let second = first.another();
        first.done();
        assert!(finished.try_recv().is_err());
        second.done();
        assert_eq!(finished.try_recv().ok(), Some(position.clone()));
        drop(Ticket::first(position, done));
        assert!(finished.try_recv().is_err());
    }

    #[test]
    fn what_several_records_have_caused_is_done_for_all_of_them() {
        let (done, mut finished) = bounded_by_room();
        let partition = TopicPartition::new("otlp_spans", 0);
        let at = |offset| Position {
            partition: partition.clone(),
            offset,
            generation: 1,
        };
        let tickets = [7, 8].map(|offset| Ticket::first(at(offset), done.clone()));
        let (told, mut was_told) = tokio::sync::oneshot::channel();
        let first = Ticket::of_all_then(tickets.into(), move || {
            let _ = told.send(());
        });
        let second = first.another();
        first.done();
        assert!(finished.try_recv().is_err() && was_told.try_recv().is_err());
        second.done();
        assert_eq!(was_told.try_recv(), Ok(()));
        assert_eq!(
            [finished.try_recv(), finished.try_recv()],
            [Ok(at(7)), Ok(at(8))]
        );
    }
}
