//! A seeded simulator over the pure core: it invents conversations whose transcript is known, tells them as spans in the
//! words of several SDKs, and delivers those as badly as networks and producers do.
//!
//! [`system`] plays the whole processor in the same way: its machines in a model of Kafka and the store, through whatever
//! may happen to them.
//!
//! Everything is drawn from a [`tape::Tape`], so that one seed is one conversation, and a tape that shows a mistake can be
//! cut to the shortest one that still does.

pub mod deliver;
pub mod dialects;
pub mod invent;
pub mod malice;
pub mod other_rules;
pub mod script;
pub mod seeds;
pub mod shrink;
pub mod system;
pub mod tape;
pub mod truth;
