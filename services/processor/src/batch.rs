//! The work of one conversation that is done in one go.

use crate::item::{Ticket, Work};
use domain::facts::Link;
use domain::ids::{ConversationKey, TraceId};
use domain::prepare::{Fact, Prepared};
use std::collections::{BTreeSet, HashMap};
use tokio::sync::OwnedSemaphorePermit;

/// The work of one batch for one conversation.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) facts: Vec<Prepared>,
    pub(crate) links: Vec<Link>,
    pub(crate) close_at_ms: Option<i64>,
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) permits: Vec<OwnedSemaphorePermit>,
}

impl Batch {
    /// The traces that its facts are of.
    pub(crate) fn traces(&self) -> Vec<TraceId> {
        let traces = self.facts.iter().map(|prepared| match &prepared.fact {
            Fact::Span(span) => span.key.trace,
            Fact::Log(log) => log.key.trace,
        });
        let distinct: BTreeSet<TraceId> = traces.collect();
        distinct.into_iter().collect()
    }

    /// Takes in what came later.
    pub(crate) fn append(&mut self, later: Self) {
        self.facts.extend(later.facts);
        self.links.extend(later.links);
        self.close_at_ms = self.close_at_ms.max(later.close_at_ms);
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
                batch.tickets.extend(ticket);
            }
            Work::Close {
                conversation,
                watermark_ms,
                permit,
            } => {
                let batch = batches.entry(conversation).or_default();
                batch.close_at_ms = batch.close_at_ms.max(Some(watermark_ms));
                batch.permits.push(permit);
            }
        }
    }
    batches
}
