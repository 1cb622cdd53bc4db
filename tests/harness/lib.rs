//! Real servers, real records and real clients, for tests that read as prose.

pub mod kafka;
pub mod process;
pub mod record;
pub mod redis;
pub mod topics;

mod eventually;

pub use eventually::eventually;
