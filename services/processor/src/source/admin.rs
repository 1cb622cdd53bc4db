//! Changes to the cluster itself: missing topics, and a group's place in its topics.

use super::SourceError;
use super::config::KafkaConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;
use tracing::info;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Creates the topics of the configuration that are missing, if `create_topics.enabled`; otherwise does nothing.
/// Returns the names of those that were created.
pub async fn create_topics(config: &KafkaConfig) -> Result<Vec<String>, SourceError> {
    let create = &config.create_topics;
    if !create.enabled {
        return Ok(Vec::new());
    }
    let fail = |reason: String| SourceError::Admin {
        action: "create the missing topics".to_owned(),
        reason,
    };
    let admin: AdminClient<DefaultClientContext> =
        config
            .client()
            .create()
            .map_err(|source| SourceError::Client {
                client: "admin client",
                source,
            })?;
    let record_bytes_max = create.record_bytes_max.to_string();
    let names = config.topics.iter().map(|topic| topic.name.as_str());
    let names = names.chain([
        config.conversations_topic.as_str(),
        config.dead_letter_topic.as_str(),
    ]);
    let topics: Vec<NewTopic<'_>> = names
        .map(|name| {
            NewTopic::new(
                name,
                create.partitions,
                TopicReplication::Fixed(create.replication),
            )
            .set("max.message.bytes", &record_bytes_max)
        })
        .collect();
    let options = AdminOptions::new()
        .operation_timeout(Some(TIMEOUT))
        .request_timeout(Some(TIMEOUT));
    let outcomes = admin
        .create_topics(&topics, &options)
        .await
        .map_err(|cause| fail(cause.to_string()))?;
    let mut created = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(name) => created.push(name),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => return Err(fail(format!("{name}: {code}"))),
        }
    }
    if !created.is_empty() {
        info!(topics = ?created, "topics created");
    }
    Ok(created)
}

/// Sets the group back to the beginning of all its topics. No member of the group may be running: Kafka refuses then.
/// Blocks while it talks to the brokers. Returns the number of partitions.
pub fn rewind_group(config: &KafkaConfig) -> Result<usize, SourceError> {
    let fail = |reason: String| SourceError::Admin {
        action: format!("set the group {:?} back", config.group_id),
        reason,
    };
    let consumer: BaseConsumer =
        config
            .consumer()
            .create()
            .map_err(|source| SourceError::Client {
                client: "consumer",
                source,
            })?;
    let mut beginning = TopicPartitionList::new();
    for topic in &config.topics {
        let metadata = consumer
            .fetch_metadata(Some(&topic.name), TIMEOUT)
            .map_err(|cause| fail(format!("{}: {cause}", topic.name)))?;
        let partitions = metadata
            .topics()
            .iter()
            .flat_map(|topic| topic.partitions());
        for partition in partitions {
            let (low, _) = consumer
                .fetch_watermarks(&topic.name, partition.id(), TIMEOUT)
                .map_err(|cause| fail(format!("{}/{}: {cause}", topic.name, partition.id())))?;
            beginning
                .add_partition_offset(&topic.name, partition.id(), Offset::Offset(low))
                .map_err(|cause| fail(cause.to_string()))?;
        }
    }
    if beginning.count() > 0 {
        consumer
            .commit(&beginning, CommitMode::Sync)
            .map_err(|cause| fail(format!("{cause}; stop all processors of the group first")))?;
    }
    Ok(beginning.count())
}
