//! The subscriptions, one noun a file.

mod backlog;
mod conversations;
mod messages;
mod row_kind;

use async_graphql::{Context, Error, MergedSubscription};

pub use conversations::ConversationsSubscription;
pub use messages::MessagesSubscription;

use super::context::ContextExt as _;
use super::error::Code;
use crate::conversations::Slot;
use crate::metrics::SUBSCRIPTIONS_ENDED;

#[derive(Debug, Default, MergedSubscription)]
pub struct Subscription(MessagesSubscription, ConversationsSubscription);

/// Held by a subscription while it runs; tells at its end why it ended.
#[derive(Debug)]
pub(crate) struct Watch {
    _slot: Slot,
    kind: &'static str,
    reason: &'static str,
}

impl Watch {
    /// Takes a slot, before any work is done.
    pub(crate) fn begin(ctx: &Context<'_>, kind: &'static str) -> Result<Self, Error> {
        let slot = ctx.state().subscribers.take().ok_or_else(|| {
            Code::Busy.error("all subscriptions of this gateway are taken: try again later")
        })?;
        Ok(Self {
            _slot: slot,
            kind,
            // Unless something else is said, the client went.
            reason: "left",
        })
    }

    pub(crate) fn ends_because(&mut self, reason: &'static str) {
        self.reason = reason;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        metrics::counter!(SUBSCRIPTIONS_ENDED, "kind" => self.kind, "reason" => self.reason)
            .increment(1);
    }
}
