//! Which partitions of a consumer group stand still because too much of them cannot be read. What is said of each is the
//! processor's own text; the store keeps it, so that it outlives a restart and everybody finds it.

use crate::{Error, Store};
use std::collections::BTreeMap;

impl Store {
    /// What is written down, by topic and partition.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn pauses(&self, group: &str) -> Result<BTreeMap<(String, i32), String>, Error> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.keys.pauses(group));
        let fields: Vec<(String, String)> = self.connection.query(&command).await?;
        let read = |(field, text): (String, String)| {
            let (topic, partition) = field.rsplit_once('/')?;
            Some(((topic.to_owned(), partition.parse().ok()?), text))
        };
        Ok(fields.into_iter().filter_map(read).collect())
    }

    /// Writes down that a partition stands still.
    ///
    /// # Errors
    /// When Redis does not answer, or takes no writes.
    pub async fn set_pause(
        &self,
        group: &str,
        topic: &str,
        partition: i32,
        text: &str,
    ) -> Result<(), Error> {
        let mut command = redis::cmd("HSET");
        command.arg(self.keys.pauses(group));
        command.arg(format!("{topic}/{partition}")).arg(text);
        let _added: i64 = self.connection.query(&command).await?;
        Ok(())
    }

    /// Removes what is written down of a partition. False when nothing was.
    ///
    /// # Errors
    /// When Redis does not answer, or takes no writes.
    pub async fn remove_pause(
        &self,
        group: &str,
        topic: &str,
        partition: i32,
    ) -> Result<bool, Error> {
        let mut command = redis::cmd("HDEL");
        command.arg(self.keys.pauses(group));
        command.arg(format!("{topic}/{partition}"));
        let removed: i64 = self.connection.query(&command).await?;
        Ok(removed > 0)
    }
}
