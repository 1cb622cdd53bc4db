//! The intake from outside, before a broker within the process.

mod access;
mod agreement;
mod answers;
mod dsn;
mod faults;
mod grpc;
mod hostile;
mod sentry;
mod support;
