//! Which conversation a span belongs to: its own id; else that of its nearest ancestor in the trace that has one; else
//! the only one of its trace; else the session that the nearest ancestor names which is not GenAI; else, where steps carry ids of
//! responses in place of a conversation's, the trace itself; else none.
//!
//! A trace is a second keyed state beside the conversation, made the same way: a log of [`entry::TraceEntry`]s, written
//! optimistically. It holds who is whose parent, which spans and logs carry an id, and the facts of those that carry none,
//! so that nothing waits anywhere else: when a relative comes, be it hours later, they are there to be placed.
//!
//! Placing is a function of the set of what was reported, with times: [`stays`] says of each span in which conversations it
//! stands and since when. What is likely is so at once: while the trace names one conversation its spans stand there, and
//! they move when another name proves otherwise. A move has the record time of what caused it, so that a replay gives
//! every conversation the same past.
//!
//! ```text
//! recorded   what               stays of span 3, whose parent is 2
//! 1 s        3 under 2          nowhere
//! 2 s        4 names "a"        "a" from 2 s, for it is the only one
//! 3 s        5 names "b"        "a" from 2 s to 3 s; then nowhere, for it could be either's
//! 9 s        2 names "b"        "a" from 2 s to 3 s, "b" from 9 s
//! ```

mod effects;
mod entry;
mod report;
mod settling;
mod silences;
mod state;
mod stays;
mod taking;
mod times;
mod tree;

pub use effects::Effect;
pub use entry::{Given, GivenTo, TraceEntry};
pub use report::{Hint, Kind, Report};
pub use state::Trace;
pub use stays::{Rank, Rule, Stay};
pub use taking::{Batch, Taken};
pub use times::Times;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to the GenAI spans of a trace in which no span carries an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithoutId {
    /// They are left out and counted.
    #[default]
    Drop,
    /// The trace becomes a conversation of its own, marked as inferred.
    Trace,
    /// Its calls are chained by what was said; the conversations are marked as inferred.
    History,
}
