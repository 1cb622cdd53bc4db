//! The types of the contract, each a thin reading of a domain value, one file a noun.

pub mod conversation;
pub mod events;
pub mod facets;
pub mod message;
pub mod origin;
pub mod page;
mod paging;
pub mod span;
pub mod spoken;
pub mod tallies;
pub mod tool_call;
pub mod turn;
pub mod usage;

pub use conversation::{
    Conversation, ConversationConnection, ConversationEdge, ConversationStatus,
};
pub use message::{Message, MessageConnection};
pub use origin::Origin;
pub use page::PageInfo;
pub use span::{Span, SpanConnection, SpanError};
pub use usage::{Cost, Usage};
