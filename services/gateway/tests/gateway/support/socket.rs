//! A client of `graphql-transport-ws`, as small as the protocol.

use std::net::SocketAddr;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::SOON;
use super::gateway::code_of;

pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    subscriptions: usize,
}

/// What comes for a subscription.
#[derive(Debug)]
pub(crate) enum Event {
    Next(Value),
    /// The code of an error in an answer.
    Error(String),
    /// The code of an error before anything was executed. It is the operation's end.
    Refused(String),
    Complete,
    /// The socket was closed with this code, or lost.
    Closed(Option<u16>),
}

impl Socket {
    /// Opened, but nobody has said who it is.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let mut request = format!("ws://{address}/graphql")
            .into_client_request()
            .expect("a request");
        let protocol = "graphql-transport-ws".parse().expect("a header");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        let (stream, _) = connect_async(request).await.expect("is upgraded");
        Self {
            stream,
            subscriptions: 0,
        }
    }

    pub(crate) async fn init(&mut self, payload: Value) {
        self.send(json!({"type": "connection_init", "payload": payload}))
            .await;
        let answer = self.receive().await.expect("an answer");
        assert_eq!(answer["type"], "connection_ack");
    }

    pub(crate) async fn send(&mut self, message: Value) {
        let text = Message::text(message.to_string());
        self.stream.send(text).await.expect("is sent");
    }

    pub(crate) async fn send_raw(&mut self, message: Message) {
        self.stream.send(message).await.expect("is sent");
    }

    /// Closes with this code, and returns the one that comes back.
    pub(crate) async fn leave(&mut self, code: u16) -> Option<u16> {
        let frame = CloseFrame {
            code: code.into(),
            reason: "done".into(),
        };
        self.stream.close(Some(frame)).await.expect("is sent");
        self.closed().await
    }

    /// Subscribes and returns the operation's id.
    pub(crate) async fn subscribe(&mut self, query: &str, variables: Value) -> String {
        self.subscriptions += 1;
        let id = self.subscriptions.to_string();
        let payload = json!({"query": query, "variables": variables});
        self.send(json!({"type": "subscribe", "id": id, "payload": payload}))
            .await;
        id
    }

    /// Waits until what was subscribed to before is listening. A query on the same socket is answered after that: it
    /// has to wait for the store, and meanwhile the subscription begins. What the subscription tells before that, of
    /// changes just before it, is passed over.
    pub(crate) async fn settled(&mut self) {
        let query = "{ settled: conversations(first: 1) { nodes { id } } }";
        self.subscribe(query, json!({})).await;
        while self.next().await.get("settled").is_none() {}
        loop {
            match self.event().await {
                Event::Complete => return,
                Event::Next(_) => {}
                other => panic!("expected the end of the query, got {other:?}"),
            }
        }
    }

    /// The next event of whatever runs on this socket.
    pub(crate) async fn event(&mut self) -> Event {
        match self.receive().await {
            Err(code) => Event::Closed(code),
            Ok(message) => match message["type"].as_str() {
                Some("next") if message["payload"].get("errors").is_some() => {
                    Event::Error(code_of(&message["payload"]))
                }
                Some("error") => Event::Refused(code_of(&json!({"errors": message["payload"]}))),
                Some("next") => Event::Next(message["payload"]["data"].clone()),
                Some("complete") => Event::Complete,
                other => panic!("{other:?}: {message}"),
            },
        }
    }

    /// The data of the next event, which must be one.
    pub(crate) async fn next(&mut self) -> Value {
        match self.event().await {
            Event::Next(data) => data,
            other => panic!("expected data, got {other:?}"),
        }
    }

    /// The code of the error that must come next.
    pub(crate) async fn error(&mut self) -> String {
        match self.event().await {
            Event::Error(code) | Event::Refused(code) => code,
            other => panic!("expected an error, got {other:?}"),
        }
    }

    /// The code with which the gateway closes, whatever comes before.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Event::Closed(code) = self.event().await {
                return code;
            }
        }
    }

    async fn receive(&mut self) -> Result<Value, Option<u16>> {
        // Pings come however long nothing else does.
        timeout(SOON, self.receive_at_last())
            .await
            .expect("something comes in time")
    }

    async fn receive_at_last(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map(|frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }
}
