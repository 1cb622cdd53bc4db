//! The connection: one multiplexed connection to a single Redis, or one to each node of a cluster.

use crate::keys::Keys;
use crate::script::Call;
use crate::{Error, StoreConfig};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{
    Client, ClientTlsConfig, Cmd, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo as _, RedisError, ServerErrorKind, TlsCertificates, Value,
};
use secrecy::ExposeSecret as _;
use std::path::Path;
use std::sync::{Arc, Once};
use std::time::Duration;

/// Scripts read lists by `ZRANGE` in all its forms, and a cluster's bus port is free to choose from here on.
const REDIS_MAJOR_MIN: u32 = 7;
/// Commands sent in one write. Redis holds the answers of a pipeline in memory until it is read.
const PIPELINE_COMMANDS_MAX: usize = 256;
/// Commands in flight at once when each may go to another node.
const CLUSTER_COMMANDS_IN_FLIGHT_MAX: usize = 128;
/// Requests that may wait for the socket; beyond it callers wait, which is the back-pressure that is wanted.
const QUEUED_REQUESTS_MAX: usize = 1_024;
/// Reconnection is tried this often for one waiting command, then the command fails and the next one tries again.
const RECONNECTIONS_MAX: usize = 3;
/// Redirections and refusals that the cluster client follows for one command.
const CLUSTER_RETRIES_MAX: u32 = 5;
const RETRY_DELAY_MIN: Duration = Duration::from_millis(50);
const RETRY_DELAY_MAX: Duration = Duration::from_millis(500);

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
        let connection = if config.cluster {
            cluster(config).await?
        } else {
            single(config).await?
        };
        let store = Self {
            connection,
            keys: Keys::new(&config.key_prefix),
            config: Arc::new(config.clone()),
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

#[derive(Clone)]
pub(crate) enum Connection {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Connection {
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        Ok(match self {
            Self::Single(manager) => command.query_async(&mut manager.clone()).await?,
            Self::Cluster(cluster) => command.query_async(&mut cluster.clone()).await?,
        })
    }

    pub(crate) async fn call<T: FromRedisValue>(&self, call: &Call) -> Result<T, Error> {
        let by_hash = call.by_hash();
        let answer = match self {
            Self::Single(manager) => by_hash.query_async(&mut manager.clone()).await,
            Self::Cluster(cluster) => by_hash.query_async(&mut cluster.clone()).await,
        };
        match answer {
            Err(error) if is_unknown_script(&error) => self.query(&call.by_text()).await,
            answer => Ok(answer?),
        }
    }

    /// Runs commands that do not depend on each other; answers come in the order of the commands.
    pub(crate) async fn each(&self, commands: Vec<Cmd>) -> Result<Vec<Value>, Error> {
        self.each_or_error(commands)
            .await?
            .into_iter()
            .map(|answer| Ok(answer?))
            .collect()
    }

    /// Runs scripts that do not depend on each other; answers come in the order of the calls.
    pub(crate) async fn call_each(&self, calls: &[Call]) -> Result<Vec<Value>, Error> {
        let answers = self
            .each_or_error(calls.iter().map(Call::by_hash).collect())
            .await?;
        let mut values = Vec::with_capacity(answers.len());
        for (answer, call) in answers.into_iter().zip(calls) {
            values.push(match answer {
                Err(error) if is_unknown_script(&error) => self.query(&call.by_text()).await?,
                answer => answer?,
            });
        }
        Ok(values)
    }

    async fn each_or_error(
        &self,
        commands: Vec<Cmd>,
    ) -> Result<Vec<Result<Value, RedisError>>, Error> {
        match self {
            Self::Single(manager) => {
                let mut answers = Vec::with_capacity(commands.len());
                let mut commands = commands.into_iter().peekable();
                while commands.peek().is_some() {
                    let mut pipeline = redis::pipe();
                    pipeline.ignore_errors();
                    for command in commands.by_ref().take(PIPELINE_COMMANDS_MAX) {
                        pipeline.add_command(command);
                    }
                    let batch: Vec<Result<Value, RedisError>> =
                        pipeline.query_async(&mut manager.clone()).await?;
                    answers.extend(batch);
                }
                Ok(answers)
            }
            // The client refuses pipelines over several slots; commands in flight together share writes anyway.
            Self::Cluster(cluster) => stream::iter(commands)
                .map(|command| {
                    let mut cluster = cluster.clone();
                    async move {
                        match command.query_async::<Value>(&mut cluster).await {
                            Err(error) if error.is_io_error() => Err(error),
                            answer => Ok(answer),
                        }
                    }
                })
                .buffered(CLUSTER_COMMANDS_IN_FLIGHT_MAX)
                .try_collect()
                .await
                .map_err(Error::from),
        }
    }
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// The addresses with what the configuration overrides.
pub(crate) fn addresses(config: &StoreConfig) -> Result<Vec<ConnectionInfo>, Error> {
    config
        .urls
        .iter()
        .map(|url| {
            let info = url.as_str().into_connection_info()?;
            // RESP3 lets an idle connection learn at once that its server has gone.
            let mut settings = info
                .redis_settings()
                .clone()
                .set_protocol(redis::ProtocolVersion::RESP3);
            if let Some(username) = &config.username {
                settings = settings.set_username(username);
            }
            if let Some(password) = &config.password {
                settings = settings.set_password(password.expose_secret());
            }
            Ok(info.set_redis_settings(settings))
        })
        .collect()
}

/// A client of one server, with the certificates of the configuration.
pub(crate) fn client(address: ConnectionInfo, config: &StoreConfig) -> Result<Client, Error> {
    Ok(match certificates(config)? {
        Some(certificates) => Client::build_with_tls(address, certificates)?,
        None => Client::open(address)?,
    })
}

fn certificates(config: &StoreConfig) -> Result<Option<TlsCertificates>, Error> {
    // The client leaves the choice of cryptography to the program; whoever chose before us wins.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _already_chosen = rustls::crypto::ring::default_provider().install_default();
    }
    let read = |path: &Path| {
        std::fs::read(path)
            .map_err(|error| Error::Config(format!("cannot read {}: {error}", path.display())))
    };
    let root_cert = config.tls_ca_file.as_deref().map(read).transpose()?;
    let client_tls = match (&config.tls_cert_file, &config.tls_key_file) {
        (Some(cert), Some(key)) => Some(ClientTlsConfig {
            client_cert: read(cert)?,
            client_key: read(key)?,
        }),
        _ => None,
    };
    Ok(
        (root_cert.is_some() || client_tls.is_some()).then_some(TlsCertificates {
            client_tls,
            root_cert,
        }),
    )
}

async fn single(config: &StoreConfig) -> Result<Connection, Error> {
    let [address] = addresses(config)?
        .try_into()
        .map_err(|_| Error::Config("one address is needed".to_owned()))?;
    let client = client(address, config)?;
    let settings = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(config.connect_timeout()))
        .set_response_timeout(Some(config.response_timeout()))
        .set_number_of_retries(RECONNECTIONS_MAX)
        .set_min_delay(RETRY_DELAY_MIN)
        .set_max_delay(RETRY_DELAY_MAX)
        .set_pipeline_buffer_size(QUEUED_REQUESTS_MAX);
    Ok(Connection::Single(
        ConnectionManager::new_with_config(client, settings).await?,
    ))
}

async fn cluster(config: &StoreConfig) -> Result<Connection, Error> {
    let mut builder = ClusterClientBuilder::new(addresses(config)?)
        .connection_timeout(config.connect_timeout())
        .response_timeout(config.response_timeout())
        .overall_response_timeout(Some(config.response_timeout()))
        .retries(CLUSTER_RETRIES_MAX)
        .min_retry_wait(millis(RETRY_DELAY_MIN))
        .max_retry_wait(millis(RETRY_DELAY_MAX))
        .use_protocol(redis::ProtocolVersion::RESP3);
    if let Some(certificates) = certificates(config)? {
        builder = builder.certs(certificates);
    }
    let client = builder.build()?;
    Ok(Connection::Cluster(client.get_async_connection().await?))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A wait of our own that was too long, as the client would say it.
pub(crate) fn timed_out() -> Error {
    Error::Unavailable(std::io::Error::from(std::io::ErrorKind::TimedOut).into())
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
