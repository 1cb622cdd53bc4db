//! How many partitions the topics have: time moves only as far as the slowest of all, whoever reads it.

use kafka::Logged;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::debug;

const ASK_WITHIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Topics {
    names: Vec<Arc<str>>,
    every: Duration,
    asked: Option<Instant>,
    known: Option<BTreeMap<Arc<str>, i32>>,
}

impl Topics {
    pub(super) fn new(names: Vec<Arc<str>>, every: Duration) -> Self {
        Self {
            names,
            every,
            asked: None,
            known: None,
        }
    }

    /// Asks when it is time. Returns what is known now if that is news.
    pub(super) fn look(
        &mut self,
        client: &BaseConsumer<Logged>,
    ) -> Option<BTreeMap<Arc<str>, i32>> {
        if self.asked.is_some_and(|asked| asked.elapsed() < self.every) {
            return None;
        }
        let counts = self
            .names
            .iter()
            .map(|name| Ok((Arc::clone(name), count(client, name)?)));
        let counted: KafkaResult<BTreeMap<Arc<str>, i32>> = counts.collect();
        self.asked = Some(Instant::now());
        match counted {
            Ok(counted) if self.known.as_ref() != Some(&counted) => {
                self.known = Some(counted.clone());
                Some(counted)
            }
            Ok(_) => None,
            Err(cause) => {
                debug!(error = %cause, "Kafka did not say how many partitions the topics have");
                None
            }
        }
    }
}

/// 0 for a topic that does not exist.
fn count(client: &BaseConsumer<Logged>, name: &str) -> KafkaResult<i32> {
    let metadata = client.fetch_metadata(Some(name), ASK_WITHIN)?;
    let topic = metadata.topics().iter().find(|topic| topic.name() == name);
    let Some(topic) = topic else { return Ok(0) };
    match topic.error().map(RDKafkaErrorCode::from) {
        None => Ok(i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX)),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(0),
        Some(code) => Err(rdkafka::error::KafkaError::MetadataFetch(code)),
    }
}
