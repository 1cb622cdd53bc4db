//! Conversations from the outside: spans in, transcript and totals out.

mod bounds;
mod branches;
mod contexts;
mod errors;
mod past;
mod properties;
mod sets;
mod support;
mod tool_results;
mod tools;
mod transcript;
mod turns;
