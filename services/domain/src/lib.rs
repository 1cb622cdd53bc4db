//! The pure core of Colloquy: spans become conversations.
//!
//! No clock, no randomness, no client, no async: bytes and times come in as arguments, values go out. The modules stand
//! in reading order, from identifiers to what is shown.

pub mod assembly;
pub mod canonical;
pub mod chain;
pub mod conversation;
pub mod extract;
pub mod facts;
mod footprint;
pub mod ids;
pub mod json;
pub mod limits;
pub mod message;
mod news;
pub mod normalise;
mod past;
pub mod prepare;
pub mod raw;
mod reported_errors;
pub mod sentry_envelope;
pub mod span;
mod staircase;
pub mod text;
pub mod trace;
pub mod transcript;
pub mod usage;
pub mod view;
pub mod window;
