//! A GraphQL client as applications have one: requests over HTTP, subscriptions over WebSocket.

use anyhow::{Context, anyhow, bail};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Longest answer that a test waits for; the server gives up earlier.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const SUBPROTOCOL: &str = "graphql-transport-ws";

#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    port: u16,
    token: Option<String>,
}

impl Client {
    pub fn new(port: u16) -> Self {
        let http = reqwest::Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .build()
            .expect("an HTTP client");
        Self {
            http,
            port,
            token: None,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same client with a bearer token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The `data` of the answer.
    ///
    /// # Errors
    /// When the server does not answer, refuses, or answers with GraphQL errors.
    pub async fn query(&self, query: &str, variables: Value) -> anyhow::Result<Value> {
        let (status, mut answer) = self.answer(query, variables).await?;
        if let Some(errors) = answer.get("errors") {
            bail!("{status}: {errors}");
        }
        if !status.is_success() {
            bail!("{status}: {answer}");
        }
        Ok(answer["data"].take())
    }

    /// The whole answer and its status, for tests of refusals.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn answer(
        &self,
        query: &str,
        variables: Value,
    ) -> anyhow::Result<(reqwest::StatusCode, Value)> {
        let mut request = self
            .http
            .post(format!("http://127.0.0.1:{}/graphql", self.port))
            .json(&json!({"query": query, "variables": variables}));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let status = response.status();
        let body = response.text().await?;
        let answer = serde_json::from_str(&body).unwrap_or(Value::String(body));
        Ok((status, answer))
    }

    /// A subscription on a connection of its own.
    ///
    /// # Errors
    /// When the server refuses the connection.
    pub async fn subscribe(&self, query: &str, variables: Value) -> anyhow::Result<Subscription> {
        let mut request = format!("ws://127.0.0.1:{}/graphql", self.port).into_client_request()?;
        request.headers_mut().insert(
            "Sec-WebSocket-Protocol",
            HeaderValue::from_static(SUBPROTOCOL),
        );
        let (socket, _) = tokio_tungstenite::connect_async(request)
            .await
            .context("connecting")?;
        let mut subscription = Subscription { socket };
        let payload = self
            .token
            .as_ref()
            .map(|token| json!({"Authorization": format!("Bearer {token}")}));
        subscription
            .send(json!({"type": "connection_init", "payload": payload}))
            .await?;
        let acknowledged = subscription.receive(REQUEST_TIMEOUT).await?;
        if acknowledged["type"] != "connection_ack" {
            bail!("instead of connection_ack: {acknowledged}");
        }
        let payload = json!({"query": query, "variables": variables});
        subscription
            .send(json!({"id": "1", "type": "subscribe", "payload": payload}))
            .await?;
        Ok(subscription)
    }
}

/// One open subscription. Dropping it cuts the connection without a word, as a lost network does.
pub struct Subscription {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

impl Subscription {
    /// The `data` of the next event.
    ///
    /// # Errors
    /// When nothing comes in time, or the server ends the subscription.
    pub async fn next(&mut self, timeout: Duration) -> anyhow::Result<Value> {
        let mut frame = self.receive(timeout).await?;
        if frame["type"] != "next" {
            bail!("the subscription ended: {frame}");
        }
        if let Some(errors) = frame["payload"].get("errors") {
            bail!("the subscription failed: {errors}");
        }
        Ok(frame["payload"]["data"].take())
    }

    async fn send(&mut self, frame: Value) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::text(frame.to_string())).await?)
    }

    async fn receive(&mut self, timeout: Duration) -> anyhow::Result<Value> {
        tokio::time::timeout(timeout, self.receive_frame())
            .await
            .map_err(|_| anyhow!("nothing within {timeout:?}"))?
    }

    async fn receive_frame(&mut self) -> anyhow::Result<Value> {
        loop {
            match self.socket.next().await.context("the server hung up")?? {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text)?;
                    if frame["type"] != "ping" {
                        return Ok(frame);
                    }
                    self.send(json!({"type": "pong"})).await?;
                }
                Message::Close(reason) => bail!("the server closed the connection: {reason:?}"),
                _ => {}
            }
        }
    }
}
