//! What resolvers have at hand. They ask here by name, never for a type.

use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Error};
use store::Store;

use super::budget::Budget;
use super::loaders::SummaryLoader;
use crate::auth::Requester;
use crate::config::{LimitsConfig, LiveConfig};
use crate::conversations::{ConversationReader, Hub, Slots};

/// Everything that lives as long as the schema.
#[derive(Debug)]
pub struct State {
    pub reader: ConversationReader,
    pub hub: Hub,
    pub limits: LimitsConfig,
    pub live: LiveConfig,
    pub subscribers: Slots,
    pub summaries: SummaryLoaderHandle,
}

/// [`DataLoader`] has no `Debug`.
pub struct SummaryLoaderHandle(pub DataLoader<SummaryLoader>);

impl std::fmt::Debug for SummaryLoaderHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SummaryLoader")
    }
}

pub trait ContextExt {
    fn state(&self) -> &Arc<State>;
    fn requester(&self) -> &Requester;
    /// Takes the bytes from what the answer may still take on.
    fn take_bytes(&self, bytes: usize) -> Result<(), Error>;

    fn reader(&self) -> &ConversationReader {
        &self.state().reader
    }

    fn store(&self) -> &Store {
        self.reader().store()
    }

    fn summaries(&self) -> &DataLoader<SummaryLoader> {
        &self.state().summaries.0
    }
}

impl ContextExt for Context<'_> {
    // The schema is never built without its state, and both transports put the requester into every request; a
    // request without one is a bug that must not be answered.
    fn state(&self) -> &Arc<State> {
        self.data_unchecked::<Arc<State>>()
    }

    fn requester(&self) -> &Requester {
        self.data_unchecked::<Requester>()
    }

    fn take_bytes(&self, bytes: usize) -> Result<(), Error> {
        match self.data_opt::<Budget>() {
            Some(budget) => budget.take(bytes),
            None => Ok(()),
        }
    }
}
