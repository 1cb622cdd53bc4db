//! What subscriptions deliver.

use async_graphql::{Enum, SimpleObject};

use super::conversation::Conversation;
use super::message::Message;

#[derive(Clone, Debug, SimpleObject)]
pub struct MessageEvent {
    pub kind: MessageEventKind,
    pub cursor: String,
    pub message: Message,
    pub conversation: Conversation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum MessageEventKind {
    Added,
    Updated,
    Removed,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ConversationEvent {
    pub kind: ConversationEventKind,
    pub conversation: Conversation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ConversationEventKind {
    /// It is new, or it matches the filter now and did not before.
    Added,
    /// Also of a row that was not told of before: take it in.
    Updated,
    Finalized,
    /// It does not match the filter any more, it has expired, or its spans have all moved to other conversations.
    Removed,
}
