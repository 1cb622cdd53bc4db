//! What the system promises, tried on real Kafka and real Redis.

mod auth;
mod captured;
mod cluster;
mod crash;
mod examples;
mod intake;
mod layers;
mod live;
mod placing;
mod poison;
mod processors;
mod reports;
mod servers;
mod traces;
mod unassigned;
mod windows;
