//! What the fuzz targets and the test that replays their finds share.

/// The decoder alone, not the whole processor: its Kafka client would have to be built with sanitizers for nothing.
#[path = "../../services/processor/src/decode/mod.rs"]
pub mod decode;
pub mod edits;
pub mod oracles;
pub mod recordings;
pub mod records;
