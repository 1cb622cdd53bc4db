//! From raw spans to conversations, without a store: the one way that everything goes which is told.
//!
//! ```text
//! raw span ─► normalise ─► prepare ─┬─ if it carries an id ─► its conversation
//!                                   └─ always ─► its trace ─► the conversations in which those stand that carry none
//! ```
//!
//! [`Reading`] is the first half, as the processor's readers do it. [`Whole`] is both halves in memory: what a processor and its
//! store come to, for tests that compare them with it.

mod reading;
mod whole;

pub use reading::{Assembler, Reading, Unread};
pub use whole::Whole;
