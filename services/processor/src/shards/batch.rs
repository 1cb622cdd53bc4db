//! The work of one conversation that is done in one go.

use super::aside::Waits;
use super::job::Close;
use super::shares::{Piece, Shares};
use crate::item::{Ticket, Work};
use crate::out::publishing::Confirmed;
use domain::ids::ConversationKey;
use std::collections::HashMap;
use tokio::sync::OwnedSemaphorePermit;

/// The work of one batch for one conversation.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) shares: Shares<Ticket>,
    /// At most one: the next revision waits for it.
    pub(crate) confirmed: Option<Confirmed>,
    pub(crate) close: Option<Close>,
    pub(crate) permits: Vec<OwnedSemaphorePermit>,
}

impl Waits for Batch {
    fn append(&mut self, later: Self) {
        self.shares.append(later.shares);
        self.confirmed = later.confirmed.or(self.confirmed.take());
        // Of two watermarks the later counts: an earlier one may be of an epoch that is over.
        self.close = later.close.or(self.close.take());
        self.permits.extend(later.permits);
    }

    /// What is to be closed stays due, and a revision of which the store does not know that it is published is published
    /// once more, as the same.
    fn drop_what_is_due(&mut self) {
        (self.confirmed, self.close) = (None, None);
        self.permits.clear();
    }

    fn is_empty(&self) -> bool {
        self.shares.is_empty() && self.confirmed.is_none() && self.close.is_none()
    }

    fn into_tickets(self) -> Vec<Ticket> {
        let (_, owners) = self.shares.into_parts();
        owners.into_vec()
    }
}

impl From<Shares<Ticket>> for Batch {
    fn from(shares: Shares<Ticket>) -> Self {
        Self {
            shares,
            ..Self::default()
        }
    }
}

pub(crate) fn by_conversation(work: impl Iterator<Item = Work>) -> HashMap<ConversationKey, Batch> {
    let mut batches: HashMap<ConversationKey, Batch> = HashMap::new();
    for work in work {
        let mut add = |conversation, piece, ticket| {
            let batch = batches.entry(conversation).or_default();
            batch.shares.push(piece, ticket);
        };
        match work {
            Work::Fact {
                conversation,
                prepared,
                ticket,
            } => add(conversation, Piece::Fact(*prepared), ticket),
            Work::Link {
                conversation,
                link,
                ticket,
            } => add(conversation, Piece::Link(link), ticket),
            Work::Move {
                conversation,
                moved,
                ticket,
            } => add(conversation, Piece::Move(moved), ticket),
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
