//! What other rules make of the same spans, and how often each rule is right: for the comparison in the documentation.

use crate::deliver;
use crate::dialects;
use crate::script::{Feature, Line, Script};
use crate::tape::Tape;
use crate::truth;
use domain::conversation::Conversation;
use domain::message::{Message, Role};
use domain::transcript::Spoken;
use std::collections::{BTreeMap, BTreeSet};

/// What was said, as every rule can tell it: who, in which words, asking for which tools.
type Said = (Role, Option<String>, Vec<String>);

/// How often a rule told exactly what stands of a conversation, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    pub conversations: u32,
    /// Every message once, the same text never again.
    pub by_text: u32,
    /// Of each call its newest user message and its answer.
    pub by_newest: u32,
    pub by_histories: u32,
}

/// Plays the conversations of these seeds. The whole under no feature, then each feature's.
pub fn compare(seeds: impl Iterator<Item = u64>) -> BTreeMap<Option<Feature>, Score> {
    let mut scores: BTreeMap<Option<Feature>, Score> = BTreeMap::new();
    for seed in seeds {
        let mut tape = Tape::of_seed(seed);
        let script = Script::invent(&mut tape);
        let told = dialects::tell(&script, &mut tape);
        let conversation = deliver::assembled(&deliver::items(&told));
        let truly = standing(&script.lines);
        let is_true = |told: Vec<Said>| u32::from(told == truly);
        let right = Score {
            conversations: 1,
            by_text: is_true(by_text(&conversation)),
            by_newest: is_true(by_newest(&conversation)),
            by_histories: is_true(standing(&truth::lines(&conversation.view()))),
        };
        let features = script.features.iter().copied().map(Some);
        for feature in features.chain([None]) {
            scores.entry(feature).or_default().add(right);
        }
    }
    scores
}

impl Score {
    fn add(&mut self, other: Self) {
        self.conversations += other.conversations;
        self.by_text += other.by_text;
        self.by_newest += other.by_newest;
        self.by_histories += other.by_histories;
    }
}

/// What was not superseded.
fn standing(lines: &[Line]) -> Vec<Said> {
    let lines = lines.iter().filter(|line| !line.superseded);
    lines
        .map(|line| {
            let mut tools: Vec<String> = line.tools.iter().map(|tool| tool.name.clone()).collect();
            tools.sort();
            (line.role, line.text.clone(), tools)
        })
        .collect()
}

fn said(message: &Message) -> Said {
    let mut tools: Vec<String> = message
        .tool_calls()
        .map(|(_, name, _)| name.to_owned())
        .collect();
    tools.sort();
    (
        message.role,
        message.text().map(|text| text.trim().to_owned()),
        tools,
    )
}

/// The model calls in order of time, as any rule reads them.
fn calls(conversation: &Conversation) -> impl Iterator<Item = Spoken> {
    let spans = conversation.spans_in_order().into_iter();
    let calls = spans.filter(|span| span.operation.is_llm());
    calls.map(|span| conversation.spoken_by(span))
}

fn by_text(conversation: &Conversation) -> Vec<Said> {
    let mut seen = BTreeSet::new();
    let mut told = Vec::new();
    for call in calls(conversation) {
        for message in call.input.iter().chain(&call.output) {
            let said = said(message);
            let key = format!("{said:?}");
            if message.role != Role::Tool && seen.insert(key) {
                told.push(said);
            }
        }
    }
    told
}

fn by_newest(conversation: &Conversation) -> Vec<Said> {
    let mut told: Vec<Said> = Vec::new();
    let mut before: Option<Said> = None;
    for call in calls(conversation) {
        let newest = call
            .input
            .iter()
            .rev()
            .find(|message| message.role == Role::User);
        let newest = newest.map(|message| said(message));
        // The calls of one turn repeat its question.
        if newest != before {
            told.extend(newest.clone());
            before = newest;
        }
        told.extend(call.output.iter().map(|message| said(message)));
    }
    told
}
