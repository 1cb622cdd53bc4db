//! The gateway: conversations over GraphQL, from the store alone.
//!
//! A request is authenticated ([`auth`]), checked against the limits, and resolved from summaries (lists) or from
//! folded conversations ([`conversations`]). Live updates go the other way: one subscription to the store's wake-ups
//! feeds followers and the list feed, which every subscriber shares. Read `server` first: it puts the parts together.

pub mod auth;
pub mod cli;
pub mod config;
pub mod conversations;
pub mod graphql;
pub mod http;
pub mod metrics;
pub mod page;
mod request;
pub mod server;
pub mod socket;
pub mod token;
