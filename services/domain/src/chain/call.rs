//! What one call tells of its place among others: after which answer it goes on, and which answers can be gone on from.

use super::Settings;
use super::turns::{Turn, choices, is_spoken, turns};
use super::who::Who;
use crate::facts::{Body, ContentFact, LogFact, Node, SpanFact};
use crate::ids::{Digest, SpanKey};
use crate::message::{Message, Role};
use crate::prepare::{Fact, Prepared};
use rustc_hash::FxHashMap;

/// Turns of a history that are remembered for comparing cut histories, the newest.
pub(super) const TURNS_MAX: usize = 32;

/// A call as chains see it. Points are digests that name a place in a dialogue: what was said up to there, or a stored
/// response; whoever says the same up to a point meets there.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub key: SpanKey,
    pub start_ns: i64,
    pub end_ns: i64,
    pub record_ms: i64,
    pub failed: bool,
    pub who: Who,
    /// Names the whole history; `None` when none was captured.
    pub tip: Option<Digest>,
    /// The points that the call goes on from, the surest first. Empty for a call without an earlier answer.
    pub continues: Vec<Digest>,
    /// The point that it goes on from if tools were forgotten on the way.
    pub forgets: Option<Digest>,
    /// The points that its answers make.
    pub ends: Vec<Digest>,
    /// For a history whose head may be cut.
    pub cut: Option<Tail>,
    /// The same for what goes on from here with its head cut.
    pub tail: Option<Tail>,
}

/// The last two turns up to an answer, with the turns before them.
#[derive(Clone, Debug, PartialEq)]
pub struct Tail {
    pub point: Digest,
    /// Short digests, oldest first, at most [`TURNS_MAX`].
    pub turns: Vec<u32>,
    /// Whether the turns are all there are.
    pub is_whole: bool,
}

impl Call {
    /// From a span and the log records that belong to it, or from log records alone.
    pub fn of(project: &str, pieces: &[&Prepared], settings: &Settings) -> Option<Self> {
        let told = Told::of(pieces);
        let key = match &pieces.first()?.fact {
            Fact::Span(span) => span.key,
            Fact::Log(log) => log.key,
        };
        let content = told.content();
        let history = turns(content.history.iter().copied());
        let names = Names { project, settings };
        let path = names.path(&history);
        let answered = history
            .iter()
            .rposition(|turn| turn.role == Role::Assistant);
        let response = told
            .span
            .and_then(|span| span.previous_response_id.as_deref());
        let mut continues: Vec<Digest> =
            response.map(|id| names.response(id)).into_iter().collect();
        continues.extend(answered.map(|index| path[index]));
        let answers = choices(&content.output);
        let mut ends = Vec::new();
        if let (Some(tip), false) = (path.last(), answers.is_empty()) {
            ends.extend(answers.iter().map(|answer| next(tip, answer)));
        }
        // Many applications keep what was spoken and forget the tools in between.
        let has_tools = content.history.iter().any(|message| !is_spoken(message));
        let spoken = content
            .history
            .iter()
            .copied()
            .filter(|message| has_tools && is_spoken(message));
        if let Some(tip) = names.path(&turns(spoken)).last() {
            let answers = answers.iter().filter(|answer| !answer.calls_tools);
            ends.extend(answers.map(|answer| forgetful(&next(tip, answer))));
        }
        let stored = told.span.and_then(|span| span.response_id.as_deref());
        ends.extend(stored.map(|id| names.response(id)));
        Some(Self {
            key,
            start_ns: told.span.map_or(told.logged_ns(), |span| span.start_ns),
            end_ns: told.span.map_or(told.logged_ns(), |span| span.end_ns),
            record_ms: told.record_ms(),
            failed: told.span.is_some_and(|span| span.error.is_some()),
            who: told.who(),
            tip: path.last().copied(),
            forgets: answered
                .filter(|_| !has_tools)
                .map(|index| forgetful(&path[index])),
            continues,
            ends,
            cut: answered.and_then(|index| names.tail(&history[..=index])),
            tail: match (&answers[..], history.is_empty()) {
                ([answer], false) => {
                    names.tail(&[&history[..], std::slice::from_ref(answer)].concat())
                }
                _ => None,
            },
        })
    }

    /// Whether enough is known for it to have a place: content, or the stored response that it goes on from.
    pub fn has_place(&self) -> bool {
        self.tip.is_some() || !self.continues.is_empty()
    }

    /// Where calls with the same history meet that go on from nothing.
    pub fn opening(&self) -> Option<Digest> {
        let tip = self.tip.filter(|_| self.continues.is_empty())?;
        Some(Digest::of(&[b"opening", &tip.0]))
    }
}

/// What the pieces of one call say.
struct Told<'a> {
    span: Option<&'a SpanFact>,
    logs: Vec<&'a LogFact>,
    messages: FxHashMap<Digest, &'a Message>,
    resource: Option<&'a serde_json::Value>,
    nodes: FxHashMap<Digest, Node>,
}

#[derive(Default)]
struct Content<'a> {
    history: Vec<&'a Message>,
    output: Vec<&'a Message>,
}

impl<'a> Told<'a> {
    fn of(pieces: &[&'a Prepared]) -> Self {
        let spans = pieces.iter().filter_map(|piece| match &piece.fact {
            Fact::Span(span) => Some((&**span, *piece)),
            Fact::Log(_) => None,
        });
        let span = spans.min_by_key(|(span, _)| span.record_ms);
        let mut logs: Vec<&LogFact> = pieces
            .iter()
            .filter_map(|piece| match &piece.fact {
                Fact::Log(log) => Some(&**log),
                Fact::Span(_) => None,
            })
            .collect();
        logs.sort_by_key(|log| {
            (
                log.time_ns,
                log.index,
                log.content.history,
                log.content.output.first().copied(),
            )
        });
        logs.dedup();
        let bodies = pieces.iter().flat_map(|piece| &piece.bodies);
        let messages = bodies.filter_map(|(digest, body)| match body {
            Body::Message(message) => Some((*digest, message)),
            Body::Value(_) => None,
        });
        let resource = span.and_then(|(span, piece)| {
            let wanted = span.resource?;
            piece.bodies.iter().find_map(|(digest, body)| match body {
                Body::Value(value) if *digest == wanted => Some(value),
                _ => None,
            })
        });
        Self {
            span: span.map(|(span, _)| span),
            logs,
            messages: messages.collect(),
            resource,
            nodes: pieces
                .iter()
                .flat_map(|piece| &piece.nodes)
                .copied()
                .collect(),
        }
    }

    fn logged_ns(&self) -> i64 {
        self.logs.first().map_or(0, |log| log.time_ns)
    }

    fn record_ms(&self) -> i64 {
        let logged = self.logs.iter().map(|log| log.record_ms);
        logged
            .chain(self.span.map(|span| span.record_ms))
            .min()
            .unwrap_or(0)
    }

    fn who(&self) -> Who {
        let own = self
            .span
            .map(|span| Who::new(&span.user, self.resource))
            .unwrap_or_default();
        self.logs
            .iter()
            .fold(own, |who, log| who.or(&Who::new(&log.user, None)))
    }

    /// What the span said itself, else what log records said of it: the order in which transcripts are read, too.
    fn content(&self) -> Content<'a> {
        let mut content = self
            .span
            .map(|span| self.resolve(&span.content))
            .unwrap_or_default();
        let complete = self
            .logs
            .iter()
            .rev()
            .find(|log| log.is_complete && !log.content.is_empty());
        if let Some(log) = complete {
            content.fill(self.resolve(&log.content));
        }
        let mut pieces = Content::default();
        for log in self.logs.iter().filter(|log| !log.is_complete) {
            let piece = self.resolve(&log.content);
            pieces.history.extend(piece.history);
            pieces.output.extend(piece.output);
        }
        content.fill(pieces);
        content
    }

    fn resolve(&self, fact: &ContentFact) -> Content<'a> {
        let mut history = Vec::new();
        let mut tip = fact.history;
        while let Some(node) = tip.and_then(|id| self.nodes.get(&id)) {
            history.extend(self.messages.get(&node.message).copied());
            tip = node.parent;
        }
        history.reverse();
        let output = fact.output.iter();
        Content {
            history,
            output: output
                .filter_map(|digest| self.messages.get(digest).copied())
                .collect(),
        }
    }
}

impl<'a> Content<'a> {
    fn fill(&mut self, other: Self) {
        if self.history.is_empty() {
            self.history = other.history;
        }
        if self.output.is_empty() {
            self.output = other.output;
        }
    }
}

/// The point at which those meet who forget tools, and those who used them.
fn forgetful(point: &Digest) -> Digest {
    Digest::of(&[b"spoken", &point.0])
}

fn next(point: &Digest, turn: &Turn) -> Digest {
    Digest::of(&[&point.0, &turn.identity.0])
}

/// Makes the names of points. They hold the project, for what is said in two projects never meets.
struct Names<'a> {
    project: &'a str,
    settings: &'a Settings,
}

impl Names<'_> {
    /// The point after each turn.
    fn path(&self, history: &[Turn]) -> Vec<Digest> {
        let mut point = Digest::of(&[b"history", self.project.as_bytes()]);
        history
            .iter()
            .map(|turn| {
                point = next(&point, turn);
                point
            })
            .collect()
    }

    fn response(&self, id: &str) -> Digest {
        Digest::of(&[b"response", self.project.as_bytes(), id.as_bytes()])
    }

    /// Only of turns that are long enough not to be said by everybody.
    fn tail(&self, turns: &[Turn]) -> Option<Tail> {
        let [.., before, answer] = turns else {
            return None;
        };
        if before.bytes + answer.bytes < self.settings.overlap_bytes_min {
            return None;
        }
        let point = Digest::of(&[
            b"tail",
            self.project.as_bytes(),
            &before.identity.0,
            &answer.identity.0,
        ]);
        let first = turns.len().saturating_sub(TURNS_MAX);
        let short = |turn: &Turn| {
            let [a, b, c, d, ..] = turn.identity.0;
            u32::from_le_bytes([a, b, c, d])
        };
        Some(Tail {
            point,
            turns: turns[first..].iter().map(short).collect(),
            is_whole: first == 0,
        })
    }
}
