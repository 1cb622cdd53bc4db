//! People who chat at the same time in few words, and what is truly one conversation.

use crate::chats::{Told as _, assistant, call, span, tool_call, tool_result, user};
use domain::message::{Message, Part};
use domain::span::{Operation, Span};
use fastrand::Rng;

/// What spans say of whose they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attributes {
    Nothing,
    User,
    /// A program of one's own, such as a command-line agent.
    OwnInstance,
    /// One of the servers that serve everybody.
    AnyInstance,
}

#[derive(Clone, Debug)]
pub struct Chat {
    pub spans: Vec<Span>,
    /// Whether it can be told exactly: its words are its own, or its attributes tell it from all others.
    pub is_determinable: bool,
}

#[derive(Debug)]
pub struct Gathering {
    pub attributes: Attributes,
    pub chats: Vec<Chat>,
    pub end_s: i64,
}

const WORDS: [&str; 5] = ["hello", "yes", "no", "go on", "Done."];
const ANSWERS: [&str; 3] = ["Hi!", "Sure.", "ok"];
const FILLING: &str = "and that is a long story about rivers, bridges, markets and the people who built them, told slowly \
                       over many evenings by the fire while it rained outside and nobody wanted to go home";

impl Gathering {
    pub fn invent(rng: &mut Rng) -> Self {
        let attributes = [
            Attributes::Nothing,
            Attributes::User,
            Attributes::OwnInstance,
            Attributes::AnyInstance,
        ][rng.usize(..4)];
        let mut gathering = Self {
            attributes,
            chats: Vec::new(),
            end_s: 0,
        };
        for number in 1..=rng.u64(2..7) {
            let mut chat = Inventor {
                attributes,
                number,
                at_s: rng.i64(0..120),
                next: 1_000 * number,
                is_distinct: rng.u8(..10) < 3,
                is_clean: true,
                history: Vec::new(),
                spans: Vec::new(),
                rng,
            };
            chat.chat();
            gathering.end_s = gathering.end_s.max(chat.at_s);
            let is_determinable = match attributes {
                Attributes::Nothing => chat.is_distinct,
                Attributes::User => true,
                Attributes::OwnInstance => chat.is_distinct || chat.is_clean,
                // Going back on another server looks like somebody else.
                Attributes::AnyInstance => chat.is_distinct && chat.is_clean,
            };
            gathering.chats.push(Chat {
                is_determinable,
                spans: chat.spans,
            });
        }
        gathering
    }
}

struct Inventor<'a> {
    rng: &'a mut Rng,
    attributes: Attributes,
    number: u64,
    at_s: i64,
    next: u64,
    /// Its first words are nobody else's.
    is_distinct: bool,
    /// Nothing was said anew.
    is_clean: bool,
    history: Vec<Message>,
    spans: Vec<Span>,
}

impl Inventor<'_> {
    fn chat(&mut self) {
        let keeps_cut = self.is_distinct && self.rng.u8(..10) < 3;
        let knows_failure = self.attributes != Attributes::AnyInstance;
        for turn in 0..self.rng.usize(1..6) {
            self.at_s += self.rng.i64(8..30);
            let question = self.question(turn, keeps_cut);
            self.history.push(user(&question));
            let can_fail = knows_failure && (turn > 0 || self.attributes != Attributes::Nothing);
            if can_fail && self.rng.u8(..10) == 0 {
                self.call(keeps_cut, None, None);
                self.at_s += 6;
                self.is_clean &= self.attributes != Attributes::Nothing;
            }
            match self.rng.u8(..10) {
                0..=1 if !keeps_cut => self.agent_turn(),
                2 if !keeps_cut => self.tool_turn(),
                // What ends in few words cannot be told when its head is cut off.
                _ => self.answer(keeps_cut),
            }
            if turn > 0 && !keeps_cut && self.rng.u8(..10) == 0 {
                self.regenerate();
            }
        }
    }

    fn question(&mut self, turn: usize, is_long: bool) -> String {
        let word = WORDS[self.rng.usize(..WORDS.len())];
        match (self.is_distinct, is_long) {
            (true, true) => format!("{word} {turn} of {} {FILLING}", self.number),
            (true, false) if turn == 0 => format!("{word}, I am {}", self.number),
            _ => word.to_owned(),
        }
    }

    fn answer(&mut self, is_cut: bool) {
        let answer = assistant(ANSWERS[self.rng.usize(..ANSWERS.len())]);
        self.call(is_cut, Some(answer.clone()), None);
        self.history.push(answer);
    }

    /// Bare calls around a tool that nobody reports.
    fn tool_turn(&mut self) {
        let asks = tool_call("c1", "Lyon");
        self.call(false, Some(asks.clone()), None);
        self.history.push(asks);
        self.history.push(tool_result("c1", "12C"));
        self.at_s += 1;
        self.answer(false);
    }

    /// The same in one trace below an agent, with a call for a side job.
    fn agent_turn(&mut self) {
        let root = self.number();
        let begin_s = self.at_s;
        let asks = tool_call("c1", "Lyon");
        self.call(false, Some(asks.clone()), Some(root));
        self.history.push(asks);
        self.at_s += 1;
        let tool = self.number();
        let run = span(tool, Operation::ExecuteTool, self.at_s).in_trace(root, Some(root));
        self.push(run);
        let aside = self.number();
        let aside = call(aside, self.at_s, &[user("Sum up.")], Some(assistant("ok")))
            .in_trace(root, Some(tool));
        self.push(aside);
        self.history.push(tool_result("c1", "12C"));
        self.at_s += 1;
        let answer = assistant(ANSWERS[self.rng.usize(..ANSWERS.len())]);
        self.call(false, Some(answer.clone()), Some(root));
        self.history.push(answer);
        let mut agent = span(root, Operation::InvokeAgent, begin_s).in_trace(root, None);
        agent.end_ns = (crate::chats::START_S + self.at_s + 1) * crate::chats::SECOND_NS;
        self.push(agent);
    }

    /// The last turn is said anew, and that is gone on from.
    fn regenerate(&mut self) {
        let is_question = |message: &Message| message.role == domain::message::Role::User;
        if let Some(question) = self.history.iter().rposition(is_question) {
            self.history.truncate(question + 1);
            self.at_s += 8;
            self.is_clean = false;
            self.answer(false);
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn call(&mut self, is_cut: bool, answer: Option<Message>, root: Option<u64>) {
        const KEPT: usize = 5;
        let first = if is_cut {
            self.history.len().saturating_sub(KEPT)
        } else {
            0
        };
        let told: Vec<Message> = self.history[first..].to_vec();
        let echoed: Vec<Message> = told.into_iter().map(|message| self.echo(message)).collect();
        let number = self.number();
        let span = call(number, self.at_s, &echoed, answer);
        self.push(match root {
            Some(root) => span.in_trace(root, Some(root)),
            None => span,
        });
    }

    /// As SDKs give back what was said: with other blanks, other ids, reasoning that comes and goes.
    fn echo(&mut self, mut message: Message) -> Message {
        for part in &mut message.parts {
            match part {
                Part::Text { text } if self.rng.bool() => *text = format!(" {text}\n"),
                Part::ToolCall { id, .. } | Part::ToolResult { id, .. } => {
                    *id = Some("another".to_owned())
                }
                _ => {}
            }
        }
        if message.role == domain::message::Role::Assistant && self.rng.bool() {
            message.parts.insert(
                0,
                Part::Reasoning {
                    text: "hm".to_owned(),
                },
            );
        }
        message
    }

    fn push(&mut self, span: Span) {
        let server = self.rng.u8(..3);
        self.spans.push(match self.attributes {
            Attributes::Nothing => span,
            Attributes::User => span.by(&format!("user {}", self.number)),
            Attributes::OwnInstance => span.on(&format!("own {}", self.number)),
            Attributes::AnyInstance => span.on(&format!("server {server}")),
        });
    }
}
