//! Conversations from the outside: spans in, transcript and totals out.

mod properties;
mod support;
mod transcript;
