//! Where a consumer group stands, asked of Kafka.

use anyhow::Context;
use harness::topics::Topics;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(crate) struct Group {
    consumer: Arc<BaseConsumer>,
    topics: Arc<[String]>,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").finish_non_exhaustive()
    }
}

impl Group {
    /// # Errors
    /// When the client cannot be made; an unreachable broker shows only at asking.
    pub(crate) fn new(brokers: &str, id: &str, topics: &Topics) -> anyhow::Result<Self> {
        let consumer: BaseConsumer = harness::kafka::client(brokers)
            .set("group.id", id)
            .set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg)
            .create()?;
        Ok(Self {
            consumer: Arc::new(consumer),
            topics: topics.inputs().map(str::to_owned).into(),
        })
    }

    /// The sum of all committed offsets.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub(crate) async fn committed(&self) -> anyhow::Result<i64> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            let committed = this.offsets()?;
            let offset = |element: rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
                element.offset().to_raw().unwrap_or(0).max(0)
            };
            Ok(committed.elements().into_iter().map(offset).sum())
        })
        .await?
    }

    /// How many records stand behind the committed offsets.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub(crate) async fn behind(&self) -> anyhow::Result<i64> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            let mut behind = 0;
            for element in this.offsets()?.elements() {
                let (topic, partition) = (element.topic(), element.partition());
                let (begin, end) = this.consumer.fetch_watermarks(topic, partition, TIMEOUT)?;
                behind += end - element.offset().to_raw().unwrap_or(0).max(begin);
            }
            Ok(behind)
        })
        .await?
    }

    fn offsets(&self) -> anyhow::Result<TopicPartitionList> {
        let mut partitions = TopicPartitionList::new();
        for topic in &*self.topics {
            let metadata = self.consumer.fetch_metadata(Some(topic), TIMEOUT)?;
            let known = metadata.topics().first().context("no such topic")?;
            for partition in known.partitions() {
                partitions.add_partition(topic, partition.id());
            }
        }
        Ok(self.consumer.committed_offsets(partitions, TIMEOUT)?)
    }
}
