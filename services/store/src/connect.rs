//! Opening the store, and whether its servers are fit for it.

use crate::connection::Connection;
use crate::keys::Keys;
use crate::{Error, StoreConfig};
use redis::Value;
use std::sync::{Arc, Once};

/// Scripts read lists by `ZRANGE` in all its forms, and a cluster's bus port is free to choose from here on.
const REDIS_MAJOR_MIN: u32 = 7;

/// Redis as this system uses it. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) connection: Connection,
    pub(crate) keys: Keys,
    pub(crate) config: Arc<StoreConfig>,
    /// Whether it was said that the servers do not tell who they are.
    pub(crate) has_warned: Arc<Once>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Connects, and refuses a server that is too old.
    pub async fn connect(config: &StoreConfig) -> Result<Self, Error> {
        config.validate()?;
        let config = Arc::new(config.clone());
        let store = Self {
            connection: Connection::open(&config).await?,
            keys: Keys::new(&config.key_prefix),
            config,
            has_warned: Arc::new(Once::new()),
        };
        store.check_servers().await?;
        Ok(store)
    }

    /// Refuses servers that lack what the scripts need, and warns of settings that lose data.
    async fn check_servers(&self) -> Result<(), Error> {
        let mut command = redis::cmd("INFO");
        command.arg("server").arg("memory");
        let answer = match self.connection.query::<Value>(&command).await {
            Err(Error::Refused(error)) => {
                tracing::debug!(%error, "cannot ask redis for its version");
                return self.ping().await;
            }
            answer => answer?,
        };
        for info in texts(answer) {
            if let Some(version) =
                field(&info, "redis_version").filter(|version| is_too_old(version))
            {
                return Err(Error::Config(format!(
                    "redis {REDIS_MAJOR_MIN}.0 or newer is needed, this is {version}"
                )));
            }
            if let Some(policy) =
                field(&info, "maxmemory_policy").filter(|policy| *policy != "noeviction")
            {
                tracing::warn!(
                    policy,
                    "redis may evict parts of conversations when memory runs out: set maxmemory-policy to noeviction"
                );
            }
        }
        Ok(())
    }

    /// Succeeds when every primary answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.connection.query::<Value>(&redis::cmd("PING")).await?;
        Ok(())
    }
}

/// The answer of one node, or those of several.
pub(crate) fn texts(answer: Value) -> Vec<String> {
    match answer {
        Value::Map(answers) => answers
            .into_iter()
            .flat_map(|(_, answer)| texts(answer))
            .collect(),
        Value::Array(answers) => answers.into_iter().flat_map(texts).collect(),
        answer => redis::from_redis_value(answer).into_iter().collect(),
    }
}

pub(crate) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

fn is_too_old(version: &str) -> bool {
    version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok())
        .is_some_and(|major| major < REDIS_MAJOR_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_decides_not_its_length() {
        assert!(["6.2.7", "5"].into_iter().all(is_too_old));
        assert!(!["7.0.15", "10.1", "8"].into_iter().any(is_too_old));
        assert_eq!(
            field("# Server\r\nredis_version:7.0.15\r\n", "redis_version"),
            Some("7.0.15")
        );
    }
}
