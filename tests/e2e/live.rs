//! Live updates: whoever follows a conversation gets every message once, also across a lost connection.

use harness::dialogue::Dialogue;
use harness::graphql::Subscription;
use harness::otlp::{export, trace_records};
use harness::reading::text;
use harness::stack::Stack;
use serde_json::Value;
use std::time::Duration;

const PROJECT: &str = "shop";
const START_NS: u64 = 1_767_600_000_000_000_000;
/// From a record in Kafka to an event at the client, on a busy machine.
const EVENT_DEADLINE: Duration = Duration::from_secs(20);

/// What a client knows after applying events.
#[derive(Debug, Default)]
struct Screen {
    /// Id and text in the order of appearance.
    messages: Vec<(String, String)>,
    cursor: Option<String>,
}

impl Screen {
    fn apply(&mut self, data: &Value) {
        let event = &data["messages"];
        let (id, said) = (
            text(&event["message"]["id"]),
            text(&event["message"]["text"]),
        );
        let known = self.messages.iter().position(|(known, _)| *known == id);
        match (text(&event["kind"]).as_str(), known) {
            ("ADDED", None) => self.messages.push((id, said)),
            ("UPDATED", Some(position)) => self.messages[position].1 = said,
            ("REMOVED", Some(position)) => drop(self.messages.remove(position)),
            (kind, _) => panic!("{kind} of {id} ({said}) does not fit what is shown: {self:?}"),
        }
        self.cursor = Some(text(&event["cursor"]));
    }

    /// Applies events until so many messages are shown.
    async fn fill(&mut self, subscription: &mut Subscription, messages: usize) {
        while self.messages.len() < messages {
            let event = subscription.next(EVENT_DEADLINE).await;
            self.apply(&event.unwrap_or_else(|error| panic!("{error:#} while showing {self:?}")));
        }
    }

    fn texts(&self) -> Vec<&str> {
        self.messages
            .iter()
            .map(|(_, said)| said.as_str())
            .collect()
    }
}

async fn say(stack: &Stack, chat: &mut Dialogue) {
    let spans = chat.take();
    stack
        .send(trace_records(&stack.topics.spans, &export(PROJECT, spans)))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_gets_each_message_once_and_in_order() {
    let stack = Stack::start("live-follow").await;
    let mut chat = Dialogue::new(PROJECT, "followed", 1, START_NS);
    let mut screen = Screen::default();
    let mut subscription = stack
        .client
        .follow(PROJECT, "followed", None)
        .await
        .expect("a subscription");
    let mut expected = Vec::new();
    for turn in 1..=10 {
        let (question, answer) = (format!("Question {turn}?"), format!("Answer {turn}."));
        chat.ask(&question).answer(&answer, 500).pause(1_000);
        say(&stack, &mut chat).await;
        expected.extend([question, answer]);
        screen.fill(&mut subscription, expected.len()).await;
    }
    assert_eq!(screen.texts(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_who_was_cut_off_misses_nothing_and_sees_nothing_twice() {
    let stack = Stack::start("live-resume").await;
    let mut chat = Dialogue::new(PROJECT, "resumed", 2, START_NS);
    let mut screen = Screen::default();
    let mut expected = Vec::new();
    for round in 0..8 {
        let after = screen.cursor.clone();
        let mut subscription = stack
            .client
            .follow(PROJECT, "resumed", after.as_deref())
            .await
            .expect("a subscription");
        for turn in 0..4 {
            let (question, answer) = (
                format!("Question {round}-{turn}?"),
                format!("Answer {round}-{turn}."),
            );
            chat.ask(&question).answer(&answer, 500).pause(1_000);
            say(&stack, &mut chat).await;
            expected.extend([question, answer]);
        }
        // Cut off before all of it has come; the rest happens while nobody listens.
        screen.fill(&mut subscription, expected.len() - 3).await;
    }
    stack.settle().await;
    let after = screen.cursor.clone();
    let mut subscription = stack
        .client
        .follow(PROJECT, "resumed", after.as_deref())
        .await
        .expect("a subscription");
    screen.fill(&mut subscription, expected.len()).await;

    // Turns lie in different partitions, so a later one may have been shown before an earlier one.
    let mut shown = screen.texts();
    shown.sort_unstable();
    expected.sort_unstable();
    assert_eq!(shown, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn following_goes_on_from_the_page_that_was_read() {
    let stack = Stack::start("live-page").await;
    let mut chat = Dialogue::new(PROJECT, "paged", 3, START_NS);
    chat.ask("Before?").answer("Before.", 500);
    say(&stack, &mut chat).await;
    stack.settle().await;
    let page = stack
        .client
        .conversation(PROJECT, "paged")
        .await
        .expect("an answer")
        .expect("known");
    let cursor = text(&page["messages"]["liveCursor"]);

    chat.ask("After?").answer("After.", 500);
    say(&stack, &mut chat).await;
    let mut screen = Screen::default();
    let mut subscription = stack
        .client
        .follow(PROJECT, "paged", Some(&cursor))
        .await
        .expect("a subscription");
    screen.fill(&mut subscription, 2).await;
    assert_eq!(screen.texts(), ["After?", "After."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_reports_conversations_as_they_appear_and_change() {
    let stack = Stack::start("live-list").await;
    let mut subscription = stack
        .client
        .subscribe(
            "subscription { conversations { kind conversation { id llmCalls } } }",
            Value::Null,
        )
        .await
        .expect("a subscription");
    let mut chat = Dialogue::new(PROJECT, "listed", 4, START_NS);
    for calls in 1..=2 {
        chat.ask("And?").answer("So.", 500).pause(1_000);
        say(&stack, &mut chat).await;
        loop {
            let event = subscription.next(EVENT_DEADLINE).await.expect("an event");
            let conversation = &event["conversations"]["conversation"];
            assert_eq!(conversation["id"], "listed");
            if conversation["llmCalls"] == calls {
                break;
            }
        }
    }
}
