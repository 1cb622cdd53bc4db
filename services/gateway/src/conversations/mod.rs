//! Conversations as the gateway knows them: folded from their logs, kept while they are in use, followed while someone
//! is listening. Nothing here speaks GraphQL.

mod feed;
mod fold;
mod follower;
mod hub;
mod known_rows;
mod log_fingerprint;
mod reader;
mod slots;

pub use feed::{Before, RowChange, RowEvents};
pub use fold::Folded;
pub use follower::{Ended, Following, Step};
pub use hub::{Hub, Signals};
pub use log_fingerprint::{LogFingerprint, Point};
pub use reader::{ConversationReader, ReadError};
pub use slots::{Slot, Slots};
