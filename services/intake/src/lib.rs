//! The intake: what SDKs send over the network becomes records in Kafka.
//!
//! A request is let in ([`keys`]), read within bounds ([`body`], [`budget`]), cut into records ([`otlp`], [`sentry`])
//! and answered with success once Kafka has them ([`sink`]). Nothing is kept here: an intake that is killed has lost
//! nothing that it said it had. Read `server` first: it puts the parts together.

pub mod app;
pub mod body;
pub mod budget;
pub mod cli;
pub mod config;
pub mod keys;
pub mod metrics;
pub mod otlp;
pub mod refusal;
pub mod routes;
pub mod sentry;
pub mod server;
pub mod sink;
