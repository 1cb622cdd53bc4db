//! Clients of the servers: made from the configuration, with its certificates, names and passwords.

use crate::{Error, StoreConfig, sentinel};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::RoutingInfo;
use redis::{
    ClientTlsConfig, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, Pipeline,
    RedisError, RedisResult, TlsCertificates, Value,
};
use secrecy::ExposeSecret as _;
use std::path::Path;
use std::time::Duration;

/// Requests that may wait for the socket; beyond it callers wait, which is the back-pressure that is wanted.
const QUEUED_REQUESTS_MAX: usize = 1_024;
/// Reconnection is tried this often for one waiting command, then the command fails and the next one tries again.
const RECONNECTIONS_MAX: usize = 3;
/// Redirections and refusals that the cluster client follows for one command.
const CLUSTER_RETRIES_MAX: u32 = 5;
const RETRY_DELAY_MIN: Duration = Duration::from_millis(50);
const RETRY_DELAY_MAX: Duration = Duration::from_millis(500);

/// One multiplexed connection to a single Redis, or one to each node of a cluster. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Client {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Client {
    pub(crate) async fn query(&self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Single(manager) => command.query_async(&mut manager.clone()).await,
            Self::Cluster(cluster) => command.query_async(&mut cluster.clone()).await,
        }
    }

    /// To a node of the cluster; a single Redis is the only one it has.
    pub(crate) async fn query_at(&self, command: Cmd, route: RoutingInfo) -> RedisResult<Value> {
        match self {
            Self::Single(manager) => command.query_async(&mut manager.clone()).await,
            Self::Cluster(cluster) => cluster.clone().route_command(command, route).await,
        }
    }
}

/// Commands in one write; the answer of each, or its error.
pub(crate) async fn pipeline(
    manager: &ConnectionManager,
    commands: impl Iterator<Item = Cmd>,
) -> RedisResult<Vec<Result<Value, RedisError>>> {
    let mut pipeline = Pipeline::new();
    pipeline.ignore_errors();
    for command in commands {
        pipeline.add_command(command);
    }
    pipeline.query_async(&mut manager.clone()).await
}

/// The servers that are configured, with what the configuration overrides.
pub(crate) fn addresses(config: &StoreConfig) -> Result<Vec<ConnectionInfo>, Error> {
    let urls = config.urls.iter();
    urls.map(|url| {
        let info = url.as_str().into_connection_info()?;
        Ok(with_access(info, config))
    })
    .collect()
}

/// With the protocol, name and password for the servers of the store.
fn with_access(info: ConnectionInfo, config: &StoreConfig) -> ConnectionInfo {
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
    info.set_redis_settings(settings)
}

/// The same server settings at another address.
pub(crate) fn elsewhere(info: &ConnectionInfo, host: String, port: u16) -> ConnectionInfo {
    let address = match info.addr() {
        ConnectionAddr::TcpTls {
            insecure,
            tls_params,
            ..
        } => ConnectionAddr::TcpTls {
            host,
            port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        },
        _ => ConnectionAddr::Tcp(host, port),
    };
    info.clone().set_addr(address)
}

/// A client of one server, with the certificates of the configuration.
pub(crate) fn of_server(
    address: ConnectionInfo,
    config: &StoreConfig,
) -> Result<redis::Client, Error> {
    Ok(match certificates(config)? {
        Some(certificates) => redis::Client::build_with_tls(address, certificates)?,
        None => redis::Client::open(address)?,
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

/// A client and, of a single Redis, the address that it leads to.
pub(crate) type Built = (Client, Option<ConnectionAddr>);

/// Connects to the servers as they are now: names are resolved and sentinels are asked anew. The nodes of a cluster that
/// are `known` are tried when none of the configured ones answers.
pub(crate) async fn build(config: &StoreConfig, known: &[ConnectionInfo]) -> Result<Built, Error> {
    let configured = addresses(config)?;
    if config.cluster {
        let client = match cluster(configured, config).await {
            Err(error) if known.is_empty() => return Err(error),
            Err(_) => cluster(known.to_vec(), config).await?,
            Ok(client) => client,
        };
        return Ok((client, None));
    }
    let address = match &config.sentinel_master {
        Some(name) => sentinel::master(name, config).await?,
        None => configured
            .into_iter()
            .next()
            .ok_or_else(|| Error::Config("one address is needed".to_owned()))?,
    };
    let reached = address.addr().clone();
    let client = single(address, config).await?;
    if config.sentinel_master.is_some() {
        sentinel::check_master(&client).await?;
    }
    Ok((client, Some(reached)))
}

async fn single(address: ConnectionInfo, config: &StoreConfig) -> Result<Client, Error> {
    let settings = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(config.connect_timeout()))
        .set_response_timeout(Some(config.response_timeout()))
        .set_number_of_retries(RECONNECTIONS_MAX)
        .set_min_delay(RETRY_DELAY_MIN)
        .set_max_delay(RETRY_DELAY_MAX)
        .set_pipeline_buffer_size(QUEUED_REQUESTS_MAX);
    let client = of_server(address, config)?;
    let manager = ConnectionManager::new_with_config(client, settings).await?;
    Ok(Client::Single(manager))
}

async fn cluster(addresses: Vec<ConnectionInfo>, config: &StoreConfig) -> Result<Client, Error> {
    let mut builder = ClusterClientBuilder::new(addresses)
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
    Ok(Client::Cluster(
        builder.build()?.get_async_connection().await?,
    ))
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A wait of our own that was too long, as the client would say it.
pub(crate) fn timed_out() -> Error {
    Error::Unavailable(std::io::Error::from(std::io::ErrorKind::TimedOut).into())
}
