//! The store against real servers: every test runs on a single Redis and on a cluster of three.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod proxy;
mod support;

mod conversation;
mod due;
mod failures;
mod list;
mod others;
mod places;
mod progress;
mod size;
mod sweep;
mod tokens;
mod traces;
mod wakeups;
mod way_back;
