//! What can go wrong with the store, by what the caller should do about it.

use redis::{ErrorKind, RedisError, ServerErrorKind};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Cannot be reached, does not answer in time, is loading or failing over. Wait and repeat.
    #[error("redis is unavailable: {0}")]
    Unavailable(#[source] RedisError),
    /// Redis has reached `maxmemory`. Stop writing, and try again once in a while.
    #[error("redis is out of memory and refuses writes: {0}")]
    OutOfMemory(#[source] RedisError),
    /// Redis answers reads and refuses writes: it cannot save to disk, is a replica, or lacks replicas. Wait and repeat.
    #[error("redis refuses writes: {0}")]
    ReadOnly(#[source] RedisError),
    /// What is stored cannot be read. Repeating does not help; [`crate::Store::remove`] clears it.
    #[error("{key} cannot be read: {what}")]
    Corrupt { key: String, what: String },
    /// What is stored was written by a newer version. It is left alone: that version will read it again.
    #[error("{key} cannot be read: {what}")]
    Newer { key: String, what: String },
    /// Larger or deeper than what the store accepts.
    #[error("{what} is too large: {size}, at most {max} can be stored")]
    TooLarge {
        what: &'static str,
        size: usize,
        max: usize,
    },
    /// Has no stored form.
    #[error("a value cannot be stored: {0}")]
    Unwritable(String),
    /// The configuration, or the server, cannot work.
    #[error("redis configuration: {0}")]
    Config(String),
    /// Redis refuses the command for what it is about: a key of another type, a script that failed. Others may work.
    #[error("redis refused a command: {0}")]
    Refused(#[source] RedisError),
}

impl Error {
    /// What helps against it.
    pub fn remedy(&self) -> Remedy {
        match self {
            // A configuration concerns everything, and is mended by people.
            Self::Unavailable(_) | Self::OutOfMemory(_) | Self::ReadOnly(_) | Self::Config(_) => {
                Remedy::Repeat
            }
            // Nor is a missing permission about one of them.
            Self::Refused(error) if server_code(error).as_deref() == Some("NOPERM") => {
                Remedy::Repeat
            }
            Self::Newer { .. } => Remedy::Upgrade,
            Self::Corrupt { .. } => Remedy::Remove,
            Self::TooLarge { .. } | Self::Unwritable(_) | Self::Refused(_) => Remedy::SetApart,
        }
    }

    /// Whether the same call may succeed later without anyone changing the data.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::OutOfMemory(_) | Self::ReadOnly(_)
        )
    }

    /// Whether reading may go on although writing is refused.
    pub fn refuses_writes(&self) -> bool {
        matches!(self, Self::OutOfMemory(_) | Self::ReadOnly(_))
    }

    pub(crate) fn corrupt(key: impl Into<String>, what: impl ToString) -> Self {
        Self::Corrupt {
            key: key.into(),
            what: what.to_string(),
        }
    }
}

/// What helps against an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The same call works when Redis does.
    Repeat,
    /// It works with the version that wrote what is stored. Until then it is to be left alone.
    Upgrade,
    /// What is stored is to be removed: Kafka has the truth.
    Remove,
    /// Nothing: what it is about is to be set apart, so that others go on.
    SetApart,
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        match server_code(&error).as_deref() {
            Some("OOM") => return Self::OutOfMemory(error),
            Some("MISCONF" | "READONLY" | "NOREPLICAS") => return Self::ReadOnly(error),
            Some("WRONGPASS" | "NOAUTH") => return Self::Config(error.to_string()),
            Some(
                "LOADING" | "CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK" | "BUSY"
                | "UNBLOCKED",
            ) => {
                return Self::Unavailable(error);
            }
            _ => {}
        }
        match error.kind() {
            // Older servers report a script's inner error under ERR, with the code within the text.
            ErrorKind::Server(ServerErrorKind::ResponseError)
                if error.to_string().contains("OOM command") =>
            {
                Self::OutOfMemory(error)
            }
            ErrorKind::Io | ErrorKind::ClusterConnectionNotFound | ErrorKind::Parse => {
                Self::Unavailable(error)
            }
            ErrorKind::InvalidClientConfig
            | ErrorKind::AuthenticationFailed
            | ErrorKind::RESP3NotSupported => Self::Config(error.to_string()),
            _ => Self::Refused(error),
        }
    }
}

/// What the server called its error; `None` for errors that no server has sent.
pub(crate) fn server_code(error: &RedisError) -> Option<String> {
    // An error inside a pipeline hides behind the pipeline's own; the code of the first command decides.
    let servers = error.clone().into_server_errors()?;
    servers.first().map(|(_, error)| error.code().to_owned())
}

impl From<redis::ParsingError> for Error {
    fn from(error: redis::ParsingError) -> Self {
        Self::Refused(error.into())
    }
}
