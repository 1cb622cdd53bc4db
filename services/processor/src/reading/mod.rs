//! From a record to what it tells, and whom: bytes to raw spans, spans to facts, facts on their way to conversations and
//! traces. What cannot be read becomes a dead letter.

pub mod decode;
pub mod prices;
pub mod reader;
pub mod stages;
