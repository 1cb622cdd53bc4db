//! Conversations that no id names: calls are chained by what was said.
//!
//! A call carries the history it was given. When that history goes on from another call's history *and answer*, both are
//! of one conversation. Bare client instrumentations leave nothing else to go by. What is said to one model in one word
//! and answered in another is said by many, so the rules prefer two conversations for one person to one for two people:
//!
//! - A call without an earlier answer begins a conversation, whoever said the same before; only a retry of a failed call,
//!   by the same user and instance, belongs to that.
//! - A call that goes on from an answer goes where that answer was given. If it was given in several conversations, user
//!   and instance tell which; else it is the oldest that nobody has gone on from.
//! - Applications that keep what was spoken and forget the tools in between go on from that, if nobody is known who said
//!   exactly so.
//! - If all have been gone on from, it is a regenerated or edited turn, provided that there is only one to be that of.
//! - Different users never share a conversation.
//! - A history with its head cut off goes where all of it is the newest part, if that is one conversation only.
//! - What comes before its predecessor waits for it once more; then it begins a conversation, which the predecessor joins
//!   when it comes.
//!
//! Nothing here does I/O. The caller loads the [`Joint`]s that [`Chain::points`] asks for, has [`Chain::decide`] look at
//! them, stores by compare-and-set what decisions rest on, and then the [`Put`]s of what was settled. Everything is keyed
//! by span, so a repetition finds what it wrote and changes nothing.

mod call;
mod decision;
mod joint;
mod pool;
mod puts;
mod turns;
mod unit;
mod who;

pub use decision::{Joints, Outcome};
pub use joint::{How, Joint, Mark, Side};
pub use pool::{Chain, Settled};
pub use puts::Put;
pub use unit::{Hints, Piece, Prepares, UnitId};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long after its record a call waits for the one that its history goes on from, in record time; without that it begins
    /// a conversation. Longer than `resolve.settle_ms`, in which it waits for an id, and shorter than `resolve.wait_ms`, for which
    /// it is kept.
    pub wait_ms: i64,
    /// How long after its record a call can be gone on from, in record time. As long as state about it is kept.
    pub window_ms: i64,
    /// How soon after a failed call the same history counts as its retry.
    pub retry_ms: i64,
    /// What a history with its head cut off must share with another, in bytes of its last two turns before the news.
    pub overlap_bytes_min: usize,
    /// Calls remembered on either side of one point. Beyond it the oldest are forgotten: they can no longer be gone on from.
    pub candidates_max: usize,
}

impl Settings {
    /// How often a waiting call looks for what it waits for.
    pub fn try_every_ms(&self) -> i64 {
        (self.wait_ms / TRIES).max(1)
    }
}

/// A waiting call looks for what it waits for this often within its wait.
const TRIES: i64 = 16;

impl Default for Settings {
    fn default() -> Self {
        Self {
            wait_ms: 120_000,
            window_ms: 6 * 3_600_000,
            retry_ms: 120_000,
            overlap_bytes_min: 160,
            candidates_max: 64,
        }
    }
}
