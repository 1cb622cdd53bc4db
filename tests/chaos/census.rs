//! All that a system says of what it read, and what is wrong with it beside what another says.

use crate::letters::{Letters, WrongLetters};
use anyhow::Context;
use harness::graphql::Client;
use harness::record::{Record, read_all};
use harness::topics::Topics;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Conversations that are named as examples of each kind of fault.
const NAMED_MAX: usize = 3;

/// Of one system, at rest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Census {
    /// By `project/id`.
    conversations: BTreeMap<String, Conversation>,
    /// Rows of the list that were there already.
    listed_twice: usize,
    /// What was published: by `project/id` and revision, the distinct contents.
    revisions: BTreeMap<(String, u64), Vec<Value>>,
    letters: Letters,
}

#[derive(Clone, Debug)]
struct Conversation {
    /// Summary and transcript.
    content: Value,
    /// Status, revision and time of finalisation.
    shown: [Value; 3],
    spans: BTreeSet<String>,
    spans_twice: usize,
}

impl Census {
    /// # Errors
    /// When the gateway or Kafka do not answer.
    pub(crate) async fn take(
        client: &Client,
        brokers: &str,
        topics: &Topics,
    ) -> anyhow::Result<Self> {
        let mut census = Self::default();
        for account in client.account().await.context("asking the gateway")? {
            census.add(account);
        }
        census.letters = Letters::of(&read(brokers, &topics.dead_letters).await?);
        for record in read(brokers, &topics.conversations).await? {
            let content = record.json();
            let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default());
            let revision = content["revision"].as_u64().unwrap_or_default();
            let contents = census
                .revisions
                .entry((key.into_owned(), revision))
                .or_default();
            if !contents.contains(&content) {
                contents.push(content);
            }
        }
        Ok(census)
    }

    fn add(&mut self, mut account: Value) {
        let key = format!("{}/{}", text(&account["project"]), text(&account["id"]));
        let shown = ["status", "revision", "finalizedAt"].map(|field| account[field].take());
        let nodes = account["spans"].take();
        let listed: Vec<String> = nodes
            .as_array()
            .into_iter()
            .flatten()
            .map(|span| text(&span["id"]))
            .collect();
        let spans: BTreeSet<String> = listed.iter().cloned().collect();
        let conversation = Conversation {
            content: account,
            shown,
            spans_twice: listed.len() - spans.len(),
            spans,
        };
        if self.conversations.insert(key, conversation).is_some() {
            self.listed_twice += 1;
        }
    }

    /// Both together, where the systems read different conversations.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.conversations.extend(other.conversations);
        self.revisions.extend(other.revisions);
        self.listed_twice += other.listed_twice;
        self.letters.extend(other.letters);
        self
    }

    pub(crate) fn spans(&self) -> usize {
        let spans = self.conversations.values().map(|known| known.spans.len());
        spans.sum()
    }

    pub(crate) fn conversations(&self) -> usize {
        self.conversations.len()
    }

    /// Distinct dead letters.
    pub(crate) fn letters(&self) -> usize {
        self.letters.count()
    }

    /// Revisions with more than one content: an undisturbed system has none.
    pub(crate) fn ambiguous(&self) -> usize {
        let contents = self.revisions.values();
        contents.filter(|contents| contents.len() > 1).count()
    }

    /// What is wrong here, if `right` is right.
    pub(crate) fn against(&self, right: &Self) -> Verdict {
        let mut verdict = Verdict {
            spans: right.spans(),
            doubled: self.listed_twice,
            ..Verdict::default()
        };
        for (key, expected) in &right.conversations {
            let Some(found) = self.conversations.get(key) else {
                verdict.lost += expected.spans.len();
                verdict.name("missing", key);
                continue;
            };
            verdict.compare(key, found, expected);
        }
        for key in self.conversations.keys() {
            if !right.conversations.contains_key(key) {
                verdict.different += 1;
                verdict.name("unknown to the oracle", key);
            }
        }
        verdict.compare_revisions(&self.revisions, &right.revisions);
        verdict.letters = self.letters.against(&right.letters);
        verdict
    }
}

async fn read(brokers: &str, topic: &str) -> anyhow::Result<Vec<Record>> {
    let records = read_all(brokers, topic).await;
    records.with_context(|| format!("reading {topic}"))
}

/// Counts of what is wrong, and the first conversations of each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// That there should be.
    pub(crate) spans: usize,
    pub(crate) lost: usize,
    /// Spans that are there twice, and conversations listed twice.
    pub(crate) doubled: usize,
    /// Conversations with the right spans and other contents, and those that should not be there.
    pub(crate) different: usize,
    pub(crate) revisions_too_many: usize,
    pub(crate) revisions_too_few: usize,
    /// Published revisions with another content, or with several.
    pub(crate) revisions_different: usize,
    /// Conversations whose status, revision or time of finalisation is shown otherwise.
    pub(crate) shown_otherwise: usize,
    pub(crate) letters: WrongLetters,
    named: BTreeMap<&'static str, Vec<String>>,
    /// What differs in the conversations that are named: by name, as found and as it should be.
    pairs: BTreeMap<String, [Value; 2]>,
}

impl Verdict {
    pub(crate) fn is_right(&self) -> bool {
        let wrong = [
            self.lost,
            self.doubled,
            self.different,
            self.revisions_too_many,
            self.revisions_too_few,
            self.revisions_different,
            self.shown_otherwise,
        ];
        wrong == [0; 7] && self.letters.is_right()
    }

    /// The first conversations of each kind of fault.
    pub(crate) fn examples(&self) -> Vec<String> {
        let line = |(kind, keys): (&&str, &Vec<String>)| format!("{kind}: {}", keys.join(", "));
        let named = self.named.iter().map(line);
        named.chain(self.letters.examples()).collect()
    }

    /// Writes what differs into a folder, two files for each: as found and as it should be.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        for (name, [found, expected]) in &self.pairs {
            let name = name.replace(['/', ' '], "_");
            for (what, value) in [("found", found), ("expected", expected)] {
                let text = serde_json::to_string_pretty(value)?;
                std::fs::write(folder.join(format!("{name}.{what}.json")), text)?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, name: &str, found: &Value, expected: &Value) {
        if self.pairs.len() < 2 * NAMED_MAX {
            let pair = [found.clone(), expected.clone()];
            self.pairs.insert(name.to_owned(), pair);
        }
    }

    fn name(&mut self, kind: &'static str, key: &str) {
        let named = self.named.entry(kind).or_default();
        if named.len() < NAMED_MAX {
            named.push(key.to_owned());
        }
    }

    fn compare(&mut self, key: &str, found: &Conversation, expected: &Conversation) {
        let lost = expected.spans.difference(&found.spans).count();
        self.lost += lost;
        self.doubled += found.spans_twice;
        if lost > 0 {
            self.name("spans missing", key);
        } else if found.content != expected.content {
            self.different += 1;
            let place = difference(&found.content, &expected.content);
            self.keep(key, &found.content, &expected.content);
            self.name("another content", &format!("{key} ({place})"));
        }
        if found.shown != expected.shown {
            self.shown_otherwise += 1;
            let [expected, found] = [&expected.shown, &found.shown].map(|shown| json!(shown));
            self.name(
                "shown otherwise",
                &format!("{key} ({found} instead of {expected})"),
            );
        }
    }

    fn compare_revisions(
        &mut self,
        found: &BTreeMap<(String, u64), Vec<Value>>,
        right: &BTreeMap<(String, u64), Vec<Value>>,
    ) {
        for (at, expected) in right {
            let name = format!("{} revision {}", at.0, at.1);
            match found.get(at) {
                None => {
                    self.revisions_too_few += 1;
                    self.name("revisions missing", &name);
                }
                Some(contents) if contents != expected => {
                    self.revisions_different += 1;
                    let other = contents.iter().find(|content| !expected.contains(content));
                    if let (Some(other), Some(expected)) = (other, expected.first()) {
                        self.keep(&name, other, expected);
                    }
                    let place = match (other, expected.first()) {
                        (Some(other), Some(expected)) => difference(other, expected),
                        _ => "fewer contents".to_owned(),
                    };
                    self.name(
                        "revisions with another content",
                        &format!("{name} ({place})"),
                    );
                }
                Some(_) => {}
            }
        }
        for at in found.keys().filter(|at| !right.contains_key(*at)) {
            self.revisions_too_many += 1;
            let name = format!("{} revision {}", at.0, at.1);
            self.name("revisions too many", &name);
        }
    }
}

/// Where two values differ first, and what stands there in either.
fn difference(found: &Value, expected: &Value) -> String {
    let inner = match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            let keys = expected.keys().chain(found.keys());
            let mut pairs = keys.map(|key| (key.clone(), found.get(key), expected.get(key)));
            pairs.find(|(_, found, expected)| found != expected)
        }
        (Value::Array(found), Value::Array(expected)) if found.len() == expected.len() => {
            let pairs = found.iter().zip(expected).enumerate();
            let mut pairs =
                pairs.map(|(at, (found, expected))| (at.to_string(), Some(found), Some(expected)));
            pairs.find(|(_, found, expected)| found != expected)
        }
        _ => None,
    };
    match inner {
        Some((at, Some(found), Some(expected))) => {
            format!("{at}/{}", difference(found, expected))
        }
        Some((at, _, _)) => format!("{at} is missing in one"),
        None => format!("{} instead of {}", excerpt(found), excerpt(expected)),
    }
}

/// So much of a value as a person reads.
fn excerpt(value: &Value) -> String {
    const CHARACTERS_MAX: usize = 60;
    let text = match value {
        Value::Array(items) => format!("{} items", items.len()),
        _ => value.to_string(),
    };
    text.chars().take(CHARACTERS_MAX).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(spans: &[&str], revision: u64) -> Census {
        let spans: Vec<Value> = spans.iter().map(|id| json!({"id": id})).collect();
        let mut census = Census::default();
        census.add(json!({
            "project": "shop", "id": "a", "llmCalls": 1, "spans": spans,
            "status": "FINALIZED", "revision": revision, "finalizedAt": "then",
        }));
        for number in 1..=revision {
            let at = ("shop/a".to_owned(), number);
            census
                .revisions
                .insert(at, vec![json!({"revision": number})]);
        }
        census
    }

    #[test]
    fn equal_systems_are_right() {
        let right = census(&["1", "2"], 1);
        let verdict = right.clone().against(&right);
        assert!(verdict.is_right(), "{verdict:?}");
        assert_eq!(verdict.spans, 2);
    }

    #[test]
    fn each_kind_of_fault_is_counted_by_itself() {
        let right = census(&["1", "2"], 2);
        let lost = census(&["1"], 2).against(&right);
        assert_eq!((lost.lost, lost.different), (1, 0));
        let doubled = census(&["1", "2", "2"], 2).against(&right);
        assert_eq!((doubled.doubled, doubled.lost), (1, 0));
        let few = census(&["1", "2"], 1).against(&right);
        assert_eq!((few.revisions_too_few, few.shown_otherwise), (1, 1));
        let many = census(&["1", "2"], 3).against(&right);
        assert_eq!((many.revisions_too_many, many.shown_otherwise), (1, 1));
        let none = Census::default().against(&right);
        assert_eq!((none.lost, none.revisions_too_few), (2, 2));
    }

    #[test]
    fn the_first_difference_is_named_by_its_place() {
        let place = |found, expected| difference(&found, &expected);
        let (found, expected) = (json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 3}]}));
        assert_eq!(place(found, expected), "a/1/b/2 instead of 3");
        let (found, expected) = (json!({"a": [1]}), json!({"a": [1, 2]}));
        assert_eq!(place(found, expected), "a/1 items instead of 2 items");
        let (found, expected) = (json!({}), json!({"a": 1}));
        assert_eq!(place(found, expected), "a is missing in one");
    }

    #[test]
    fn a_revision_with_two_contents_is_different_even_if_one_is_right() {
        let right = census(&["1"], 1);
        let mut twice = right.clone();
        let contents = twice.revisions.get_mut(&("shop/a".to_owned(), 1));
        contents.expect("it is there").push(json!({"revision": 9}));
        assert_eq!(twice.ambiguous(), 1);
        assert_eq!(twice.against(&right).revisions_different, 1);
    }
}
