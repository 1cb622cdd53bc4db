//! What librdkafka says, in our log.

use rdkafka::config::RDKafkaLogLevel as Level;
use tracing::{debug, error, info, warn};

/// Sends a line of a client's log the way of ours. What it calls an error it usually recovers from by itself.
pub fn log(level: Level, facility: &str, message: &str) {
    match level {
        Level::Emerg | Level::Alert | Level::Critical => {
            error!(target: "kafka", facility, "{message}")
        }
        Level::Error | Level::Warning => warn!(target: "kafka", facility, "{message}"),
        Level::Notice | Level::Info => info!(target: "kafka", facility, "{message}"),
        Level::Debug => debug!(target: "kafka", facility, "{message}"),
    }
}
