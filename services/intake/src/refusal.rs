//! Why a request was not taken. Each protocol says it in its own words.

use std::time::Duration;

use axum::http::StatusCode;

/// After so long a client that was turned away because too much is going on may try again.
const SHED_RETRY: Duration = Duration::from_secs(2);
/// The same while Kafka does not answer.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(5);

/// Whose fault it is, and whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The request cannot be read.
    Malformed,
    /// There is no key, or an unknown one.
    Unauthenticated,
    /// The key is for something else.
    Forbidden,
    /// The request did not arrive in time.
    Timeout,
    /// The request, or what it unfolds into, is larger than the limits allow.
    TooLarge,
    /// Neither the encoding nor the compression is one that we read.
    Unsupported,
    /// Too much is going on: try again.
    Overloaded,
    /// Kafka does not take the records: try again.
    Unavailable,
    /// A mistake of ours.
    Internal,
}

/// A reason and a text for whoever reads the client's log: what, where, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reason: Reason,
    pub message: String,
}

impl Reason {
    /// The label of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Timeout => "timeout",
            Self::TooLarge => "too_large",
            Self::Unsupported => "unsupported",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// When to try again; `None` when that would not help.
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Overloaded => Some(SHED_RETRY),
            Self::Unavailable => Some(UNAVAILABLE_RETRY),
            _ => None,
        }
    }
}

impl Refusal {
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }

    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(Reason::Malformed, message)
    }

    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(Reason::TooLarge, message)
    }

    pub fn overloaded(message: impl Into<String>) -> Self {
        Self::new(Reason::Overloaded, message)
    }
}
