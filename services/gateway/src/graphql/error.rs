//! Errors as clients see them: a message that says what to do, and a code in `extensions.code`.

use async_graphql::{Error, ErrorExtensionValues, ErrorExtensions as _, ServerError, Value};
use tracing::{error, warn};

use crate::conversations::ReadError;

/// The values of `extensions.code`. They are part of the contract: clients decide by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The request is not a GraphQL request.
    BadRequest,
    ParseFailed,
    ValidationFailed,
    /// Too deep, too complex, too many aliases or directives.
    TooComplex,
    BatchNotSupported,
    /// Send the query itself.
    PersistedQueryNotSupported,
    PayloadTooLarge,
    Unauthenticated,
    Forbidden,
    /// An argument makes no sense.
    BadUserInput,
    /// The cursor is not one of this list, or what it pointed into is no more: begin without it.
    CursorInvalid,
    /// The subscriber was too slow, or an event could not be delivered: subscribe again with the last cursor.
    ReconnectWithCursor,
    /// The same, or changes may have been missed, where there is no cursor: read the list and subscribe again.
    Reconnect,
    /// The conversation expired or was deleted.
    ConversationGone,
    /// The answer would be larger than is allowed: ask for fewer rows.
    ResponseTooLarge,
    /// As much is going on as is allowed: try again later.
    Busy,
    Timeout,
    /// The store does not answer: try again later.
    Unavailable,
    Internal,
}

impl Code {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::TooComplex => "QUERY_TOO_COMPLEX",
            Self::BatchNotSupported => "BATCH_NOT_SUPPORTED",
            Self::PersistedQueryNotSupported => "PERSISTED_QUERY_NOT_SUPPORTED",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::CursorInvalid => "CURSOR_INVALID",
            Self::ReconnectWithCursor => "RECONNECT_WITH_CURSOR",
            Self::Reconnect => "RECONNECT",
            Self::ConversationGone => "CONVERSATION_GONE",
            Self::ResponseTooLarge => "RESPONSE_TOO_LARGE",
            Self::Busy => "BUSY",
            Self::Timeout => "TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    pub fn error(self, message: impl Into<String>) -> Error {
        Error::new(message).extend_with(|_, extensions| extensions.set("code", self.as_str()))
    }

    pub fn server_error(self, message: impl Into<String>) -> ServerError {
        let mut error = ServerError::new(message, None);
        self.mark(&mut error);
        error
    }

    /// Gives an error this code unless it has one.
    pub fn mark(self, error: &mut ServerError) {
        let extensions = error
            .extensions
            .get_or_insert_with(ErrorExtensionValues::default);
        if extensions.get("code").is_none() {
            extensions.set("code", self.as_str());
        }
    }
}

/// The code of an error, if it has one.
pub fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

pub fn bad_input(message: impl Into<String>) -> Error {
    Code::BadUserInput.error(message)
}

pub fn forbidden(project: &str) -> Error {
    Code::Forbidden.error(format!(
        "your token may not see the project {project:?}: ask the operator to add it"
    ))
}

/// The store's error, logged here because the client is told less.
pub fn from_store(cause: store::Error) -> Error {
    if cause.is_transient() {
        warn!(error = %cause, "the store did not answer a query");
        Code::Unavailable.error("the store does not answer at the moment: try again")
    } else {
        error!(error = %cause, "a query failed in the store");
        Code::Internal.error("the store could not answer this query; the gateway's log says why")
    }
}

pub fn from_read(cause: ReadError) -> Error {
    match cause {
        ReadError::Store(cause) => from_store(cause),
        ReadError::Rebuilt => Code::CursorInvalid.error(
            "the conversation was rebuilt since this cursor was given: begin again without it",
        ),
        ReadError::Computing(what) => {
            error!(what, "a conversation could not be computed");
            Code::Internal
                .error("the conversation could not be computed; the gateway's log says why")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_the_first_code_it_was_given() {
        let mut error = Code::Busy.server_error("busy");
        Code::BadUserInput.mark(&mut error);
        assert_eq!(code_of(&error), Some("BUSY"));
        let mut plain = ServerError::new("plain", None);
        Code::BadUserInput.mark(&mut plain);
        assert_eq!(code_of(&plain), Some("BAD_USER_INPUT"));
    }
}
