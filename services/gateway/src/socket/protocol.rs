//! The protocol `graphql-transport-ws`, as a machine without input or output: messages of the client in, steps out.
//! Its texts and close codes are those of the specification (graphql-ws, PROTOCOL.md).

use async_graphql::{Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;

use super::close::{Close, code};
use crate::graphql::error::Code;
use crate::http::Answer;

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ClientMessage {
    ConnectionInit { payload: Option<Value> },
    Ping { payload: Option<Value> },
    Pong {},
    Subscribe { id: String, payload: Box<Request> },
    Complete { id: String },
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ServerMessage<'a> {
    ConnectionAck,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
    },
    Next {
        id: &'a str,
        payload: Answer<'a>,
    },
    Error {
        id: &'a str,
        payload: &'a [async_graphql::ServerError],
    },
    Complete {
        id: &'a str,
    },
}

impl ServerMessage<'_> {
    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What is to be done about a message of the client.
#[derive(Debug)]
pub(super) enum Step {
    /// Finds out who it is, then says so by [`Protocol::acknowledge`].
    Authenticate(Option<Value>),
    Send(String),
    Begin {
        id: String,
        request: Box<Request>,
    },
    End {
        id: String,
    },
    Nothing,
}

#[derive(Debug)]
pub(super) struct Protocol {
    operations_max: usize,
    is_introduced: bool,
    is_acknowledged: bool,
    /// What runs, and whether anything of it was answered yet.
    running: HashMap<String, bool>,
    /// Operations that were refused because too many were running.
    refused: usize,
}

impl Protocol {
    pub(super) fn new(operations_max: usize) -> Self {
        Self {
            operations_max,
            is_introduced: false,
            is_acknowledged: false,
            running: HashMap::new(),
            refused: 0,
        }
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.is_acknowledged
    }

    /// Takes a message of the client.
    ///
    /// # Errors
    /// How the socket is to be closed, where the protocol says so.
    pub(super) fn on(&mut self, text: &[u8]) -> Result<Step, Close> {
        let message = serde_json::from_slice(text).map_err(|cause| {
            Close::protocol(
                code::BAD_REQUEST,
                format!("not a message of this protocol: {cause}"),
            )
        })?;
        Ok(match message {
            ClientMessage::ConnectionInit { .. } if self.is_introduced => {
                let reason = "Too many initialisation requests";
                return Err(Close::protocol(code::TOO_MANY, reason));
            }
            ClientMessage::ConnectionInit { payload } => {
                self.is_introduced = true;
                Step::Authenticate(payload)
            }
            ClientMessage::Ping { payload } => Step::Send(ServerMessage::Pong { payload }.text()),
            ClientMessage::Pong {} => Step::Nothing,
            ClientMessage::Subscribe { id, payload } => return self.subscribe(id, payload),
            ClientMessage::Complete { id } => match self.running.remove(&id) {
                Some(_) => Step::End { id },
                // It was completed from both sides at once.
                None => Step::Nothing,
            },
        })
    }

    pub(super) fn acknowledge(&mut self) -> String {
        self.is_acknowledged = true;
        ServerMessage::ConnectionAck.text()
    }

    fn subscribe(&mut self, id: String, request: Box<Request>) -> Result<Step, Close> {
        if !self.is_acknowledged {
            return Err(Close::protocol(code::UNAUTHORIZED, "Unauthorized"));
        }
        if self.running.contains_key(&id) {
            let reason = format!("Subscriber for {id} already exists");
            return Err(Close::protocol(code::SUBSCRIBER_EXISTS, reason));
        }
        if self.running.len() >= self.operations_max {
            self.refused += 1;
            if self.refused > self.operations_max {
                let reason = "Too many operations at once";
                return Err(Close::new(code::TOO_MANY, reason, "too_many"));
            }
            let message = "too many operations are running on this socket: complete some first";
            let payload = &[Code::Busy.server_error(message)];
            return Ok(Step::Send(ServerMessage::Error { id: &id, payload }.text()));
        }
        self.running.insert(id.clone(), false);
        Ok(Step::Begin { id, request })
    }

    /// What to send of an answer. What went wrong before anything was executed is an `error`, and the operation's last
    /// word: then it is not running any more.
    pub(super) fn answer(&mut self, id: &str, response: &Response) -> Option<String> {
        let has_answered = self.running.get_mut(id)?;
        if !std::mem::replace(has_answered, true) && Answer(response).is_refused() {
            self.running.remove(id);
            let payload = &response.errors;
            return Some(ServerMessage::Error { id, payload }.text());
        }
        let payload = Answer(response);
        Some(ServerMessage::Next { id, payload }.text())
    }

    /// What to send when an operation has no more answers.
    pub(super) fn finished(&mut self, id: &str) -> Option<String> {
        self.running.remove(id)?;
        Some(ServerMessage::Complete { id }.text())
    }

    pub(super) fn is_running(&self, id: &str) -> bool {
        self.running.contains_key(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::{PathSegment, ServerError};
    use serde_json::json;

    fn on(protocol: &mut Protocol, message: Value) -> Result<Step, Close> {
        protocol.on(message.to_string().as_bytes())
    }

    fn begun(operations_max: usize) -> Protocol {
        let mut protocol = Protocol::new(operations_max);
        let init = on(&mut protocol, json!({"type": "connection_init"}));
        assert!(matches!(init, Ok(Step::Authenticate(None))));
        assert_eq!(protocol.acknowledge(), r#"{"type":"connection_ack"}"#);
        protocol
    }

    fn subscribe(id: &str) -> Value {
        json!({"type": "subscribe", "id": id, "payload": {"query": "{ a }", "variables": null}})
    }

    fn code_of(step: Result<Step, Close>) -> u16 {
        step.expect_err("it closes").code
    }

    #[test]
    fn what_the_protocol_forbids_closes_with_its_code() {
        let mut stranger = Protocol::new(1);
        assert_eq!(code_of(on(&mut stranger, subscribe("1"))), 4401);
        let mut protocol = begun(1);
        let again = on(&mut protocol, json!({"type": "connection_init"}));
        assert_eq!(code_of(again), 4429);
        for nonsense in [
            json!("nonsense"),
            json!({"type": "start"}),
            json!({"id": "1"}),
        ] {
            assert_eq!(code_of(on(&mut protocol, nonsense)), 4400);
        }
    }

    #[test]
    fn an_id_is_taken_while_it_runs_and_free_afterwards() {
        let mut protocol = begun(9);
        assert!(matches!(
            on(&mut protocol, subscribe("1")),
            Ok(Step::Begin { .. })
        ));
        let close = on(&mut protocol, subscribe("1")).expect_err("it closes");
        assert_eq!(
            (close.code, close.reason.as_str()),
            (4409, "Subscriber for 1 already exists")
        );
        let complete = json!({"type": "complete", "id": "1"});
        assert!(matches!(
            on(&mut protocol, complete.clone()),
            Ok(Step::End { .. })
        ));
        assert!(matches!(on(&mut protocol, complete), Ok(Step::Nothing)));
        assert_eq!(protocol.finished("1"), None, "the client has had enough");
        assert!(matches!(
            on(&mut protocol, subscribe("1")),
            Ok(Step::Begin { .. })
        ));
        assert_eq!(
            protocol.finished("1").as_deref(),
            Some(r#"{"type":"complete","id":"1"}"#)
        );
        assert!(matches!(
            on(&mut protocol, subscribe("1")),
            Ok(Step::Begin { .. })
        ));
    }

    #[test]
    fn a_ping_is_answered_with_what_it_brought() {
        let ping = json!({"type": "ping", "payload": {"n": 1}});
        let Ok(Step::Send(text)) = on(&mut Protocol::new(1), ping) else {
            panic!("it is answered");
        };
        assert_eq!(text, r#"{"type":"pong","payload":{"n":1}}"#);
    }

    #[test]
    fn what_goes_wrong_before_it_begins_is_an_error_and_the_last_word() {
        let mut protocol = begun(9);
        let refused =
            Response::from_errors(vec![Code::ValidationFailed.server_error("no such field")]);
        let mut failed = ServerError::new("a field failed", None);
        failed.path = vec![PathSegment::Field("a".to_owned())];
        let failed = Response::from_errors(vec![failed]);
        for (response, kind, is_over) in [(&refused, "error", true), (&failed, "next", false)] {
            assert!(on(&mut protocol, subscribe("1")).is_ok());
            let text = protocol.answer("1", response).expect("an answer");
            let message: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(message["type"], kind);
            assert_eq!(message["payload"].is_array(), is_over);
            assert_eq!(protocol.finished("1").is_none(), is_over);
        }
        // What ends a subscription that has told something is told like everything else of it.
        assert!(on(&mut protocol, subscribe("1")).is_ok());
        let first = Response::new(async_graphql::Value::from("a"));
        assert!(
            protocol
                .answer("1", &first)
                .expect("one")
                .contains(r#""type":"next""#)
        );
        assert!(
            protocol
                .answer("1", &refused)
                .expect("one")
                .contains(r#""type":"next""#)
        );
    }

    #[test]
    fn a_flood_of_operations_is_refused_and_then_closed() {
        let mut protocol = begun(1);
        assert!(on(&mut protocol, subscribe("1")).is_ok());
        let Ok(Step::Send(text)) = on(&mut protocol, subscribe("2")) else {
            panic!("it is refused");
        };
        assert!(
            text.contains("BUSY") && text.contains(r#""type":"error""#),
            "{text}"
        );
        assert_eq!(code_of(on(&mut protocol, subscribe("3"))), 4429);
    }
}
