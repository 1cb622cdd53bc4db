//! What travels through the pipeline, and how a record learns that all of it is done.

use crate::shards::job::Close;
use crate::source::Position;
use domain::chain::Prepares;
use domain::facts::Link;
use domain::ids::{ConversationKey, SpanId, SpanKey, TraceId};
use domain::prepare::Prepared;
use domain::resolve::{Kind, Offer, WithoutId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedSender;
use tracing::debug;

/// A share in a record: the record is done when every ticket of it is. A ticket that is dropped undone keeps the
/// record's offset from being committed, so that the record is read again.
#[derive(Debug)]
pub struct Ticket(Arc<Open>);

#[derive(Debug)]
struct Open {
    position: Position,
    tickets: AtomicU32,
    done: UnboundedSender<Position>,
}

impl Ticket {
    /// The first ticket of a record. `done` is told when all are done; what it holds is bounded by the records in flight.
    pub fn first(position: Position, done: UnboundedSender<Position>) -> Self {
        Self(Arc::new(Open {
            position,
            tickets: AtomicU32::new(1),
            done,
        }))
    }

    /// One more share in the same record.
    pub fn another(&self) -> Self {
        self.0.tickets.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }

    pub fn done(self) {
        if self.0.tickets.fetch_sub(1, Ordering::AcqRel) == 1 {
            // The receiver is gone only when the pipeline is, and then nothing is committed any more.
            let _ = self.0.done.send(self.0.position.clone());
        }
    }
}

/// A span or log of a record on its way to its conversation.
#[derive(Debug)]
pub struct Item {
    /// `None` for a span that only serves as a link between others.
    pub prepared: Option<Prepared>,
    pub project: Arc<str>,
    pub key: SpanKey,
    pub parent: Option<SpanId>,
    pub conversation_id: Option<String>,
    pub kind: Kind,
    pub without_id: WithoutId,
    /// Dialect and scope, for counting what finds no conversation.
    pub instrumentation: Arc<str>,
    pub is_llm: bool,
    /// What it takes in memory, roughly.
    pub bytes: usize,
    /// Of its record, in Unix milliseconds.
    pub record_ms: i64,
    pub ticket: Ticket,
}

impl Item {
    /// What the resolver is told, with the item itself as payload.
    pub fn into_offer(mut self) -> Offer<Self> {
        Offer {
            project: Arc::clone(&self.project),
            key: self.key,
            parent: self.parent,
            conversation_id: self.conversation_id.take(),
            kind: self.kind,
            is_call: self.is_llm,
            without_id: self.without_id,
            bytes: self.bytes,
            record_ms: self.record_ms,
            item: self,
        }
    }

    pub fn trace(&self) -> TraceId {
        self.key.trace
    }
}

impl Prepares for Item {
    fn prepared(&self) -> Option<&Prepared> {
        self.prepared.as_ref()
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
    /// A link learnt from the store belongs to no record and has no ticket.
    Link {
        conversation: ConversationKey,
        link: Link,
        ticket: Option<Ticket>,
    },
    /// The watermark has come: close windows that it passed and publish what is not published.
    /// The permit bounds how many are closed at once.
    Close {
        conversation: ConversationKey,
        close: Close,
        permit: OwnedSemaphorePermit,
    },
}

impl Work {
    pub fn conversation(&self) -> &ConversationKey {
        match self {
            Self::Fact { conversation, .. }
            | Self::Link { conversation, .. }
            | Self::Close { conversation, .. } => conversation,
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
        let (done, mut finished) = tokio::sync::mpsc::unbounded_channel();
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
}
