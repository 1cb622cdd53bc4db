//! What a client knows of a transcript after the events that it received.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::gateway::Gateway;
use super::socket::Socket;

/// Everything that a client may show of a message.
pub(crate) const MESSAGE: &str = "id role text thread threadParent superseded contentCaptured model timestamp durationMs usage { totalTokens } toolCalls { id name arguments status result startedAt durationMs span { id } } spans { id }";

/// Messages by id. Applying an event checks that it fits: nothing comes twice, and nothing is missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Known(BTreeMap<String, Value>);

impl Known {
    pub(crate) fn apply(&mut self, event: &Value) {
        let message = event["message"].clone();
        let id = message["id"].as_str().expect("an id").to_owned();
        match event["kind"].as_str() {
            Some("ADDED") => {
                let known = self.0.insert(id, message);
                assert_eq!(known, None, "added twice");
            }
            Some("UPDATED") => {
                let known = self.0.insert(id, message.clone());
                assert!(known.is_some(), "updated before it was added: {message}");
                assert_ne!(known, Some(message), "updated without a change");
            }
            Some("REMOVED") => {
                assert!(self.0.remove(&id).is_some(), "removed and not known: {id}");
            }
            other => panic!("{other:?}"),
        }
    }

    /// The transcript as the query gives it.
    pub(crate) async fn read(gateway: &Gateway, project: &str, id: &str) -> Self {
        let query = format!(
            "query($p: ID!, $c: ID!) {{ conversation(project: $p, id: $c) {{ messages(first: 500) {{ nodes {{ {MESSAGE} }} }} }} }}"
        );
        let data = gateway.query(&query, json!({"p": project, "c": id})).await;
        let nodes = data["conversation"]["messages"]["nodes"].clone();
        let nodes = nodes.as_array().cloned().unwrap_or_default();
        Self(
            nodes
                .into_iter()
                .map(|node| (node["id"].as_str().expect("an id").to_owned(), node))
                .collect(),
        )
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Subscribes to a conversation's messages.
pub(crate) async fn subscribe(socket: &mut Socket, project: &str, id: &str, after: Option<&str>) {
    let query = format!(
        "subscription($p: ID!, $c: ID!, $a: String) {{ messages(project: $p, conversation: $c, after: $a) {{ kind cursor message {{ {MESSAGE} }} conversation {{ id llmCalls }} }} }}"
    );
    let variables = json!({"p": project, "c": id, "a": after});
    socket.subscribe(&query, variables).await;
}

/// The next message event.
pub(crate) async fn next(socket: &mut Socket) -> Value {
    socket.next().await["messages"].clone()
}
