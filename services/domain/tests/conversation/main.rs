//! Conversations from the outside: spans in, transcript and totals out.

mod contexts;
mod properties;
mod sets;
mod support;
mod transcript;
