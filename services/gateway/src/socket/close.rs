//! How sockets end.

use axum::extract::ws::CloseFrame;
use tokio_tungstenite::tungstenite::Error as SocketError;

/// A close frame may hold 125 bytes, two of which are the code.
const REASON_BYTES_MAX: usize = 120;

/// Close codes of `graphql-transport-ws` (from 3000 on), and those of WebSockets (RFC 6455, 7.4.1) that are used beside them.
pub(super) mod code {
    pub(crate) const GOING_AWAY: u16 = 1001;
    pub(crate) const PROTOCOL_ERROR: u16 = 1002;
    pub(crate) const UNSUPPORTED_DATA: u16 = 1007;
    pub(crate) const TOO_LARGE: u16 = 1009;
    pub(crate) const SILENT: u16 = 3008;
    pub(crate) const BAD_REQUEST: u16 = 4400;
    pub(crate) const UNAUTHORIZED: u16 = 4401;
    pub(crate) const FORBIDDEN: u16 = 4403;
    pub(crate) const INIT_TIMEOUT: u16 = 4408;
    pub(crate) const SUBSCRIBER_EXISTS: u16 = 4409;
    pub(crate) const TOO_MANY: u16 = 4429;
}

/// Why a socket is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    /// For the client.
    pub(super) reason: String,
    /// For our metrics.
    pub(super) label: &'static str,
}

impl Close {
    pub(super) fn new(code: u16, reason: impl Into<String>, label: &'static str) -> Self {
        Self {
            code,
            reason: reason.into(),
            label,
        }
    }

    pub(super) fn protocol(code: u16, reason: impl Into<String>) -> Self {
        Self::new(code, reason, "protocol")
    }

    pub(super) fn too_large(bytes_max: usize) -> Self {
        let reason = format!("a message may have {bytes_max} bytes");
        Self::protocol(code::TOO_LARGE, reason)
    }

    /// How to answer what cannot be read; `None` when the client is gone.
    pub(super) fn of_unreadable(cause: axum::Error, bytes_max: usize) -> Option<Self> {
        let cause = cause.into_inner().downcast::<SocketError>().ok()?;
        match *cause {
            SocketError::Capacity(_) => Some(Self::too_large(bytes_max)),
            SocketError::Utf8(_) => Some(Self::protocol(
                code::UNSUPPORTED_DATA,
                "a text is not UTF-8",
            )),
            SocketError::Protocol(_) => Some(Self::protocol(
                code::PROTOCOL_ERROR,
                "a frame breaks the protocol of WebSockets",
            )),
            _ => None,
        }
    }

    pub(super) fn frame(&self) -> CloseFrame {
        let reason = domain::text::prefix(&self.reason, REASON_BYTES_MAX);
        CloseFrame {
            code: self.code,
            reason: reason.into(),
        }
    }
}
