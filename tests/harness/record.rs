//! Records on their way into Kafka, and out of it.

use anyhow::anyhow;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    pub topic: String,
    pub key: Option<Vec<u8>>,
    pub payload: Vec<u8>,
    pub headers: BTreeMap<String, Vec<u8>>,
    /// Unix milliseconds; `None` lets the client take the time of sending.
    pub timestamp_ms: Option<i64>,
    /// Where it is to be written; `None` lets the key decide.
    pub partition: Option<i32>,
}

impl Record {
    pub fn new(topic: &str, key: impl Into<Vec<u8>>, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            topic: topic.to_owned(),
            key: Some(key.into()),
            payload: payload.into(),
            ..Self::default()
        }
    }

    pub fn at_ms(mut self, timestamp_ms: i64) -> Self {
        self.timestamp_ms = Some(timestamp_ms);
        self
    }

    pub fn to_partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The payload as JSON.
    ///
    /// # Panics
    /// When it is something else.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.payload).expect("the record is JSON")
    }
}

/// Sends records in order and waits until the broker has them.
#[derive(Clone)]
pub struct Producer {
    client: FutureProducer,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").finish_non_exhaustive()
    }
}

impl Producer {
    /// # Errors
    /// When the client cannot be made; an unreachable broker shows only at sending.
    pub fn new(brokers: &str) -> anyhow::Result<Self> {
        let client = crate::kafka::client(brokers)
            .set("enable.idempotence", "true")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("queue.buffering.max.messages", "20000")
            .set("message.timeout.ms", "30000")
            .create()?;
        Ok(Self { client })
    }

    /// # Errors
    /// When a record was not delivered in time.
    pub async fn send(&self, records: impl IntoIterator<Item = Record>) -> anyhow::Result<()> {
        let mut deliveries = Vec::new();
        for record in records {
            deliveries.push(self.enqueue(&record).await?);
        }
        for delivery in deliveries {
            delivery
                .await?
                .map_err(|(error, _)| anyhow!("a record was not delivered: {error}"))?;
        }
        Ok(())
    }

    async fn enqueue(&self, record: &Record) -> anyhow::Result<rdkafka::producer::DeliveryFuture> {
        let headers = record
            .headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(value),
                })
            });
        let mut message = FutureRecord::<[u8], [u8]>::to(&record.topic)
            .payload(&record.payload)
            .headers(headers);
        message.key = record.key.as_deref();
        message.timestamp = record.timestamp_ms;
        message.partition = record.partition;
        loop {
            message = match self.client.send_result(message) {
                Ok(delivery) => return Ok(delivery),
                Err((error, refused))
                    if error.rdkafka_error_code()
                        == Some(rdkafka::types::RDKafkaErrorCode::QueueFull) =>
                {
                    // The queue is the bound; it empties at the speed of the broker.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    refused
                }
                Err((error, _)) => return Err(error.into()),
            };
        }
    }
}

/// Everything that stands in a topic now, by partition and offset.
///
/// # Errors
/// When the broker does not answer.
pub async fn read_all(brokers: &str, topic: &str) -> anyhow::Result<Vec<Record>> {
    let (brokers, topic) = (brokers.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || read_all_blocking(&brokers, &topic)).await?
}

fn read_all_blocking(brokers: &str, topic: &str) -> anyhow::Result<Vec<Record>> {
    let timeout = Duration::from_secs(10);
    let consumer: BaseConsumer = crate::kafka::client(brokers)
        .set("group.id", "harness-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), timeout)?;
    let mut assignment = TopicPartitionList::new();
    for partition in metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions())
    {
        assignment.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;
    let mut records = Vec::new();
    let mut partitions_left = assignment.count();
    while partitions_left > 0 {
        match consumer.poll(timeout) {
            Some(Ok(message)) => {
                records.push(((message.partition(), message.offset()), owned(&message)))
            }
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => partitions_left -= 1,
            Some(Err(error)) => return Err(error.into()),
            None => {
                return Err(anyhow!(
                    "topic {topic} was not read to its end within {timeout:?}"
                ));
            }
        }
    }
    records.sort_by_key(|(position, _)| *position);
    Ok(records.into_iter().map(|(_, record)| record).collect())
}

fn owned(message: &impl Message) -> Record {
    let headers = message.headers().map(|headers| {
        headers
            .iter()
            .map(|header| {
                (
                    header.key.to_owned(),
                    header.value.unwrap_or_default().to_vec(),
                )
            })
            .collect()
    });
    Record {
        topic: message.topic().to_owned(),
        key: message.key().map(<[u8]>::to_vec),
        payload: message.payload().unwrap_or_default().to_vec(),
        headers: headers.unwrap_or_default(),
        timestamp_ms: message.timestamp().to_millis(),
        partition: None,
    }
}
