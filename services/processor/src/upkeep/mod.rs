//! What is done as time passes, without any record: windows close, lists are swept, memory is watched; and the command that
//! begins everything anew.

pub mod closing;
pub mod memory;
pub mod rebuild;
pub mod sweeping;
pub mod tallying;
