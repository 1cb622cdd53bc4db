//! The subscriptions, one noun a file.

mod backlog;
mod conversations;
mod delivery;
mod messages;
mod row_kind;

use async_graphql::{Context, Error, MergedSubscription};

pub use conversations::ConversationsSubscription;
pub use delivery::Delivery;
pub use messages::MessagesSubscription;

use super::context::ContextExt as _;
use super::error::Code;
use crate::conversations::Slot;
use crate::metrics::SUBSCRIPTIONS_ENDED;
use delivery::Resume;

#[derive(Debug, Default, MergedSubscription)]
pub struct Subscription(MessagesSubscription, ConversationsSubscription);

/// Unless something else is said, the client went.
const LEFT: &str = "left";

/// Held by a subscription while it runs; tells at its end why it ended.
#[derive(Debug)]
struct Watch {
    _slot: Slot,
    kind: &'static str,
    reason: &'static str,
    /// `None` where nobody carries the events anywhere.
    delivery: Option<Delivery>,
}

impl Watch {
    /// Takes a slot, before any work is done.
    fn begin(ctx: &Context<'_>, kind: &'static str) -> Result<Self, Error> {
        let slot = ctx.state().subscribers.take().ok_or_else(|| {
            Code::Busy.error("all subscriptions of this gateway are taken: try again later")
        })?;
        Ok(Self {
            _slot: slot,
            kind,
            delivery: ctx.data_opt::<Delivery>().cloned(),
            reason: LEFT,
        })
    }

    /// From now on events come.
    fn delivers(&self, resume: Resume) {
        if let Some(delivery) = &self.delivery {
            delivery.begins(resume);
        }
    }

    fn ends_because(&mut self, reason: &'static str) {
        self.reason = reason;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let has_failed = self.delivery.as_ref().is_some_and(Delivery::has_failed);
        let reason = match self.reason {
            LEFT if has_failed => "undelivered",
            reason => reason,
        };
        metrics::counter!(SUBSCRIPTIONS_ENDED, "kind" => self.kind, "reason" => reason)
            .increment(1);
    }
}
