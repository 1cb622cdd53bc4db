//! Sentinels know which server is the master. They are asked whenever a client is built.

use crate::client::{self, Client};
use crate::{Error, StoreConfig};
use redis::{
    ConnectionInfo, ErrorKind, IntoConnectionInfo as _, RedisError, Value, from_redis_value,
};
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

/// Where the master of this name is, as the first sentinel says that answers and knows it.
pub(crate) async fn master(name: &str, config: &StoreConfig) -> Result<ConnectionInfo, Error> {
    let mut last_error = Error::Config("no sentinel to ask".to_owned());
    for (url, server) in config.urls.iter().zip(client::addresses(config)?) {
        let asked = timeout(config.connect_timeout(), ask(url, name, config));
        match asked.await.unwrap_or_else(|_| Err(client::timed_out())) {
            Ok(Some((host, port))) => return Ok(client::elsewhere(&server, host, port)),
            Ok(None) => {
                last_error = Error::Config(format!(
                    "the sentinels know no master {name:?}: is sentinel_master right?"
                ));
            }
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

async fn ask(url: &str, name: &str, config: &StoreConfig) -> Result<Option<(String, u16)>, Error> {
    let info = url.into_connection_info()?;
    // A sentinel has no databases, and users of its own.
    let mut settings = info
        .redis_settings()
        .clone()
        .set_db(0)
        .set_protocol(redis::ProtocolVersion::RESP2);
    if let Some(username) = &config.sentinel_username {
        settings = settings.set_username(username);
    }
    if let Some(password) = &config.sentinel_password {
        settings = settings.set_password(password.expose_secret());
    }
    let sentinel = client::of_server(info.set_redis_settings(settings), config)?;
    let mut connection = sentinel.get_multiplexed_async_connection().await?;
    let mut command = redis::cmd("SENTINEL");
    command.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    Ok(command.query_async(&mut connection).await?)
}

/// Fails while the server is a replica: sentinels may name one just before it is promoted, or after it was demoted.
pub(crate) async fn check_master(client: &Client) -> Result<(), Error> {
    match is_master(client).await {
        Some(false) => Err(Error::Unavailable(RedisError::from((
            ErrorKind::Client,
            "the server that the sentinels name is no master yet",
        )))),
        _ => Ok(()),
    }
}

/// `None` when the server does not say: it does not answer, or we may not ask.
pub(crate) async fn is_master(client: &Client) -> Option<bool> {
    let answer = client.query(&redis::cmd("ROLE")).await.ok()?;
    let Value::Array(fields) = answer else {
        return None;
    };
    let role: String = from_redis_value(fields.into_iter().next()?).ok()?;
    Some(role == "master")
}
