//! Words in messages. There is no index of words: a search reads the conversations it is asked to look through.

use async_graphql::Error;
use domain::conversation::Conversation;
use domain::facts::{Body, Entry};
use domain::ids::Digest;
use domain::message::{Message, Part, Role};
use rustc_hash::FxHashSet;
use serde::Serialize;
use serde_json::Value;

use super::error::bad_input;

/// Words of one search; each is looked for in every text.
const WORDS_MAX: usize = 16;
const SEARCH_BYTES_MAX: usize = 1_024;

/// Distinct words in lower case, all of which have to occur.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Words(Vec<String>);

impl Words {
    pub fn parse(search: &str) -> Result<Self, Error> {
        if search.len() > SEARCH_BYTES_MAX {
            return Err(bad_input(format!(
                "`search` has {} bytes: at most {SEARCH_BYTES_MAX} are supported",
                search.len()
            )));
        }
        let mut words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
        words.sort_unstable();
        words.dedup();
        if words.len() > WORDS_MAX {
            return Err(bad_input(format!(
                "`search` has {} words: at most {WORDS_MAX} are supported",
                words.len()
            )));
        }
        Ok(Self(words))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all words occur in the messages, or in the arguments and results of tools, of a conversation with this log.
    pub fn occur_in(&self, entries: &[Entry]) -> bool {
        let has_moves = entries.iter().any(|entry| !entry.moves.is_empty());
        if has_moves {
            // The log also holds what was said in spans that stand here no more.
            let in_use = standing(entries).bodies_in_use();
            let is_message = |digest: &Digest| in_use.messages.contains(digest);
            return self.occur_in_bodies(entries, is_message, &in_use.values);
        }
        let tool_values: FxHashSet<Digest> = entries
            .iter()
            .flat_map(|entry| &entry.spans)
            .filter_map(|span| span.tool.as_ref())
            .flat_map(|tool| [tool.arguments, tool.result])
            .flatten()
            .collect();
        self.occur_in_bodies(entries, |_| true, &tool_values)
    }

    fn occur_in_bodies(
        &self,
        entries: &[Entry],
        is_message: impl Fn(&Digest) -> bool,
        tool_values: &FxHashSet<Digest>,
    ) -> bool {
        let mut missing: Vec<&str> = self.0.iter().map(String::as_str).collect();
        for (digest, body) in entries.iter().flat_map(|entry| &entry.bodies) {
            if missing.is_empty() {
                break;
            }
            match body {
                Body::Message(message) if is_message(digest) => {
                    strike_message(&mut missing, message);
                }
                Body::Value(value) if tool_values.contains(digest) => {
                    strike_value(&mut missing, value);
                }
                Body::Message(_) | Body::Value(_) => {}
            }
        }
        missing.is_empty()
    }
}

fn standing(entries: &[Entry]) -> Conversation {
    let mut all = Conversation::default();
    for entry in entries {
        all.apply(entry.clone());
    }
    all.present().into_owned()
}

fn strike_message(missing: &mut Vec<&str>, message: &Message) {
    // System prompts stand beside the messages, not among them.
    if message.role == Role::System {
        return;
    }
    for part in &message.parts {
        match part {
            Part::Text { text } | Part::Reasoning { text } => strike(missing, text),
            Part::ToolCall {
                name, arguments, ..
            } => {
                strike(missing, name);
                strike_value(missing, arguments);
            }
            Part::ToolResult { result, .. } => strike_value(missing, result),
            Part::Media { uri, .. } => uri.iter().for_each(|uri| strike(missing, uri)),
            Part::Other { json } => strike_value(missing, json),
        }
    }
}

fn strike_value(missing: &mut Vec<&str>, value: &Value) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => strike(missing, &number.to_string()),
        Value::String(text) => strike(missing, text),
        Value::Array(items) => items.iter().for_each(|item| strike_value(missing, item)),
        Value::Object(fields) => fields
            .values()
            .for_each(|field| strike_value(missing, field)),
    }
}

/// Takes out the words that occur in the text.
fn strike(missing: &mut Vec<&str>, text: &str) {
    if missing.is_empty() {
        return;
    }
    let text = text.to_lowercase();
    missing.retain(|word| !text.contains(word));
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::facts::{ContentFact, Move, SpanFact, ToolFact};
    use domain::ids::{SpanId, SpanKey};
    use domain::trace::Rank;
    use serde_json::json;

    fn said(messages: Vec<Message>) -> Vec<Entry> {
        let bodies = messages
            .into_iter()
            .map(|message| (message.digest(), Body::Message(message)))
            .collect();
        vec![Entry {
            bodies,
            ..Entry::default()
        }]
    }

    fn found(search: &str, entries: &[Entry]) -> bool {
        Words::parse(search).expect("a search").occur_in(entries)
    }

    #[test]
    fn all_words_must_occur_somewhere_in_any_case() {
        let entries = said(vec![
            Message::text_of(Role::User, "Wo ist meine BESTELLUNG 4711?"),
            Message::text_of(Role::Assistant, "Sie ist in ÖSTERREICH."),
        ]);
        for search in ["bestellung", "Bestellung österreich", "47", "  ist   SIE "] {
            assert!(found(search, &entries), "{search}");
        }
        for search in ["bestellung schweiz", "4712"] {
            assert!(!found(search, &entries), "{search}");
        }
    }

    #[test]
    fn system_prompts_are_not_searched_but_tools_are() {
        let call = Message {
            role: Role::Assistant,
            parts: vec![Part::ToolCall {
                id: None,
                name: "lookup_order".to_owned(),
                arguments: json!({"order": {"number": 4711}}),
            }],
        };
        let mut entries = said(vec![
            Message::text_of(Role::System, "You are a pirate."),
            call,
        ]);
        assert!(!found("pirate", &entries));
        assert!(found("lookup 4711", &entries));
        let (result, attribute) = (json!({"city": "Graz"}), json!("Linz"));
        let digest = domain::canonical::digest_of(&result);
        let other = domain::canonical::digest_of(&attribute);
        let span: SpanFact = serde_json::from_value(json!({"k": {
            "t": "0af7651916cd43dd8448eb211c80319c",
            "s": "b7ad6b7169203331",
        }}))
        .expect("a span");
        entries.push(Entry {
            bodies: vec![
                (digest, Body::Value(result)),
                (other, Body::Value(attribute)),
            ],
            spans: vec![SpanFact {
                tool: Some(ToolFact {
                    result: Some(digest),
                    ..ToolFact::default()
                }),
                ..span
            }],
            ..Entry::default()
        });
        assert!(found("graz", &entries), "the result of a tool is");
        assert!(!found("linz", &entries), "another attribute is not");
    }

    #[test]
    fn what_was_said_in_a_span_that_has_moved_elsewhere_is_not_found() {
        let said = |span: u8, text: &str| {
            let message = Message::text_of(Role::Assistant, text);
            let span = SpanFact {
                key: SpanKey {
                    span: SpanId([span; 8]),
                    ..SpanKey::default()
                },
                lacks_id: true,
                content: ContentFact {
                    output: vec![message.digest()],
                    ..ContentFact::default()
                },
                ..SpanFact::default()
            };
            Entry {
                bodies: vec![(message.digest(), Body::Message(message))],
                spans: vec![span],
                ..Entry::default()
            }
        };
        let mut entries = vec![said(1, "to Linz"), said(2, "to Graz and to Wien")];
        assert!(found("linz graz", &entries));
        entries.push(Entry {
            moves: vec![Move {
                key: entries[1].spans[0].key,
                rank: Rank::default(),
                is_precaution: false,
                during: vec![(0, Some(5))],
            }],
            ..Entry::default()
        });
        assert!(found("linz", &entries));
        assert!(!found("graz", &entries) && !found("linz wien", &entries));
        entries.push(said(3, "to Graz and to Wien"));
        assert!(found("linz graz", &entries), "it was said again");
    }

    #[test]
    fn searches_are_bounded_and_blanks_search_for_nothing() {
        assert!(Words::parse(" \n ").expect("blank").is_empty());
        assert!(Words::parse(&"x".repeat(2_000)).is_err());
        let many: String = (0..20).map(|number| format!("w{number} ")).collect();
        assert!(Words::parse(&many).is_err());
    }
}
