//! Real servers, real records and real clients, for tests that read as prose.

pub mod captured;
pub mod clock;
pub mod demo;
pub mod dialogue;
pub mod graphql;
pub mod intake;
pub mod kafka;
pub mod load;
pub mod otlp;
pub mod poison;
pub mod process;
pub mod reading;
pub mod record;
pub mod redis;
pub mod services;
pub mod stack;
pub mod told;
pub mod topics;

mod eventually;

pub use eventually::eventually;
