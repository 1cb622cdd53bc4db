//! What the fuzz targets and the test that replays their finds share.

// The decoder and what it says of topics alone, not the whole processor: its Kafka client would have to be built with
// sanitizers for nothing. The decoder knows the latter as a crate, which this one is for it.
extern crate self as kafka;
pub use topic::{Encoding, PROJECT_HEADER, Signal};

#[path = "../../services/processor/src/reading/decode/mod.rs"]
pub mod decode;
pub mod edits;
pub mod oracles;
pub mod recordings;
pub mod records;
#[path = "../../services/kafka/src/topic.rs"]
pub mod topic;
