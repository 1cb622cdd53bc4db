//! Conversations in Redis: how they are written, found, listed and announced.
//!
//! A conversation is an append-only log of [`domain::facts::Entry`]s and one [`Summary`]; both live in one hash slot and
//! change together by one script that checks the version. Everything outside that slot (lists, what is due, links,
//! wake-ups) is written after it, may be written again, and is corrected by whoever reads it. The same keys serve a
//! single Redis and a Redis Cluster; `schemas/redis/keys.md` lists them.

mod client;
mod codec;
mod config;
mod connect;
mod connection;
mod conversation;
mod due;
mod error;
mod index;
mod joints;
mod keys;
mod list;
mod memory;
mod pauses;
mod places;
mod progress;
mod recovery;
mod script;
mod sentinel;
mod slots;
mod summary;
mod sweep;
mod tally;
mod traces;
mod wakeups;
mod wipe;

#[cfg(feature = "testing")]
pub mod testing;

pub use config::StoreConfig;
pub use connect::Store;
pub use conversation::{Commit, Snapshot};
pub use error::{Error, Remedy};
pub use index::IndexUpdate;
pub use joints::StoredJoint;
pub use list::{LIST_PAGE_MAX, ListCursor, ListPage, ListQuery};
pub use memory::Memory;
pub use progress::{Claimed, Epoch, Found, POINTS_MAX, PartitionProgress, Point, Saved};
pub use summary::Summary;
pub use sweep::Swept;
pub use tally::{Tallied, Tally};
pub use traces::{Held, StoredTrace, TraceCommit, TraceHead};
pub use wakeups::Wakeup;
