//! A subscriber of one conversation, as a page is: it applies what it is told, and after a lost connection goes on from its
//! cursor, at the next gateway.

use harness::graphql::{Client, Subscription};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;

/// Nothing for so long, after the end was announced, and all has come.
const SILENCE: Duration = Duration::from_secs(4);
/// Between two attempts to get in.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) project: String,
    pub(crate) id: String,
    /// Of gateways, in the order in which they are tried.
    pub(crate) ports: Vec<u16>,
}

/// What a subscriber knows.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    /// By id.
    messages: BTreeMap<String, Value>,
    cursor: Option<String>,
    /// Told as new though it was there.
    doubled: usize,
    /// Told as changed or gone though it was not there.
    unknown: usize,
}

impl Follower {
    /// Follows until the end is announced and all has come.
    pub(crate) async fn follow(&self, finishing: watch::Receiver<bool>) -> Screen {
        let mut screen = Screen::default();
        for port in self.ports.iter().cycle() {
            let client = Client::new(*port);
            let after = screen.cursor.clone();
            let subscribed = client.follow(&self.project, &self.id, after.as_deref());
            match subscribed.await {
                Ok(subscription) => {
                    if screen.listen(subscription, &finishing).await {
                        break;
                    }
                }
                Err(_) => tokio::time::sleep(RETRY_INTERVAL).await,
            }
        }
        screen
    }
}

impl Screen {
    /// Applies events until the connection is lost (false) or all has come (true).
    async fn listen(
        &mut self,
        mut subscription: Subscription,
        finishing: &watch::Receiver<bool>,
    ) -> bool {
        loop {
            let was_finishing = *finishing.borrow();
            let event = tokio::time::timeout(SILENCE, subscription.next(SILENCE * 2)).await;
            match event {
                Ok(Ok(data)) => self.apply(&data["messages"]),
                Ok(Err(_)) => return false,
                Err(_) if was_finishing => return true,
                Err(_) => {}
            }
        }
    }

    fn apply(&mut self, event: &Value) {
        let id = text(&event["message"]["id"]);
        let known = match text(&event["kind"]).as_str() {
            "REMOVED" => self.messages.remove(&id),
            _ => self.messages.insert(id, event["message"].clone()),
        };
        match (event["kind"] == "ADDED", known.is_some()) {
            (true, true) => self.doubled += 1,
            (false, false) => self.unknown += 1,
            _ => {}
        }
        self.cursor = event["cursor"].as_str().map(str::to_owned);
    }

    /// What is wrong with it, if `messages` are right.
    pub(crate) fn against(&self, messages: &Value) -> Vec<String> {
        let right: BTreeMap<String, &Value> = messages
            .as_array()
            .into_iter()
            .flatten()
            .map(|message| (text(&message["id"]), message))
            .collect();
        let missing = right.keys().filter(|id| !self.messages.contains_key(*id));
        let stale = self.messages.keys().filter(|id| !right.contains_key(*id));
        let other = self.messages.iter().filter(|(id, message)| {
            right
                .get(*id)
                .is_some_and(|expected| expected["text"] != message["text"])
        });
        let counts = [
            (missing.count(), "messages missing"),
            (stale.count(), "messages that are gone"),
            (other.count(), "messages with another text"),
            (self.doubled, "messages told twice"),
            (self.unknown, "changes of messages that were never told"),
        ];
        let wrong = counts.iter().filter(|(count, _)| *count > 0);
        wrong
            .map(|(count, kind)| format!("{count} {kind}"))
            .collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(kind: &str, id: &str, said: &str) -> Value {
        json!({"kind": kind, "cursor": said, "message": {"id": id, "text": said}})
    }

    #[test]
    fn a_screen_that_was_told_everything_once_is_right() {
        let mut screen = Screen::default();
        screen.apply(&event("ADDED", "1", "a"));
        screen.apply(&event("ADDED", "2", "b"));
        screen.apply(&event("UPDATED", "2", "c"));
        screen.apply(&event("REMOVED", "1", "a"));
        assert_eq!(screen.cursor.as_deref(), Some("a"));
        let right = json!([{"id": "2", "text": "c"}]);
        assert_eq!(screen.against(&right), Vec::<String>::new());
    }

    #[test]
    fn what_is_missing_doubled_or_unknown_is_said() {
        let mut screen = Screen::default();
        screen.apply(&event("ADDED", "1", "a"));
        screen.apply(&event("ADDED", "1", "a"));
        screen.apply(&event("UPDATED", "3", "x"));
        let right = json!([{"id": "1", "text": "b"}, {"id": "2", "text": "c"}]);
        assert_eq!(
            screen.against(&right),
            [
                "1 messages missing",
                "1 messages that are gone",
                "1 messages with another text",
                "1 messages told twice",
                "1 changes of messages that were never told",
            ]
        );
    }
}
