//! The dialects: of each SDK the names of its attributes, and code for what a table of names cannot say.
//!
//! [`detect`] tells which one a span speaks; [`dialect::Dialect`] is what a dialect consists of.

pub(super) mod adk;
pub(super) mod detect;
pub(super) mod dialect;
pub(super) mod frameworks;
pub(super) mod langsmith;
pub(super) mod openinference;
pub(super) mod openllmetry;
pub(super) mod otel_genai;
pub(super) mod others;
pub(super) mod pydantic_ai;
pub(super) mod sentry;
pub(super) mod strands;
pub(super) mod vercel;
