//! The work of one conversation that is done in one go.

use super::job::Close;
use crate::item::{Ticket, Work};
use crate::out::publishing::Confirmed;
use domain::facts::{Link, Move};
use domain::ids::ConversationKey;
use domain::prepare::Prepared;
use std::collections::HashMap;
use tokio::sync::OwnedSemaphorePermit;

/// The work of one batch for one conversation.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) facts: Vec<Prepared>,
    pub(crate) links: Vec<Link>,
    pub(crate) moves: Vec<Move>,
    /// At most one: the next revision waits for it.
    pub(crate) confirmed: Option<Confirmed>,
    pub(crate) close: Option<Close>,
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) permits: Vec<OwnedSemaphorePermit>,
}

impl Batch {
    /// Takes in what came later.
    pub(crate) fn append(&mut self, later: Self) {
        self.facts.extend(later.facts);
        self.links.extend(later.links);
        self.moves.extend(later.moves);
        self.confirmed = later.confirmed.or(self.confirmed.take());
        // Of two watermarks the later counts: an earlier one may be of an epoch that is over.
        self.close = later.close.or(self.close.take());
        self.tickets.extend(later.tickets);
        self.permits.extend(later.permits);
    }
}

pub(crate) fn by_conversation(work: impl Iterator<Item = Work>) -> HashMap<ConversationKey, Batch> {
    let mut batches: HashMap<ConversationKey, Batch> = HashMap::new();
    for work in work {
        match work {
            Work::Fact {
                conversation,
                prepared,
                ticket,
            } => {
                let batch = batches.entry(conversation).or_default();
                batch.facts.push(*prepared);
                batch.tickets.push(ticket);
            }
            Work::Link {
                conversation,
                link,
                ticket,
            } => {
                let batch = batches.entry(conversation).or_default();
                batch.links.push(link);
                batch.tickets.push(ticket);
            }
            Work::Move {
                conversation,
                moved,
                ticket,
            } => {
                let batch = batches.entry(conversation).or_default();
                batch.moves.push(moved);
                batch.tickets.push(ticket);
            }
            Work::Close {
                conversation,
                close,
                permit,
            } => {
                let batch = batches.entry(conversation).or_default();
                batch.close = Some(close);
                batch.permits.push(permit);
            }
            Work::Published {
                conversation,
                confirmed,
                close,
            } => {
                let batch = batches.entry(conversation).or_default();
                batch.confirmed = Some(confirmed);
                // One that stands there is younger.
                batch.close = batch.close.take().or(close);
            }
        }
    }
    batches
}
