//! Changes to the cluster itself: missing topics.

use super::SourceError;
use super::config::KafkaConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
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
    let admin: AdminClient<DefaultClientContext> = config
        .client()
        .create()
        .map_err(|cause| kafka::ClientError::new("admin client", &cause))?;
    let record_bytes_max = create.record_bytes_max.to_string();
    let names = config.topics.iter().map(|topic| topic.name.as_str());
    let names = names.chain([
        config.conversations_topic.as_str(),
        config.dead_letter_topic.as_str(),
    ]);
    let topics: Vec<NewTopic<'_>> = names
        .map(|name| {
            let replication = TopicReplication::Fixed(create.replication);
            let topic = NewTopic::new(name, create.partitions, replication)
                .set("max.message.bytes", &record_bytes_max);
            // Of a conversation the latest revision counts.
            match name == config.conversations_topic {
                true => topic.set("cleanup.policy", "compact"),
                false => topic,
            }
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
