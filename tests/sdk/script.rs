//! What is said, by whom, and what it costs: `script.json`, which the stub and all programs read too.

use serde_json::Value;
use std::sync::LazyLock;

static SCRIPT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("script.json")).expect("script.json"));

/// Tokens of one call, or of several.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokens {
    pub input: u64,
    pub cached: u64,
    pub output: u64,
    pub reasoning: u64,
}

impl Tokens {
    fn of(call: &Value) -> Self {
        let count = |name: &str| call["usage"][name].as_u64().unwrap_or_default();
        Self {
            input: count("input"),
            cached: count("cached"),
            output: count("output"),
            reasoning: count("reasoning"),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            input: self.input + other.input,
            cached: self.cached + other.cached,
            output: self.output + other.output,
            reasoning: self.reasoning + other.reasoning,
        }
    }
}

pub struct Turn {
    pub question: &'static str,
    pub calls: &'static [Value],
}

pub fn turns() -> impl Iterator<Item = Turn> {
    array(&SCRIPT["turns"]).iter().map(|turn| Turn {
        question: text(&turn["user"]),
        calls: array(&turn["calls"]),
    })
}

/// Of all calls that are answered.
pub fn tokens() -> Tokens {
    calls().fold(Tokens::default(), |sum, call| sum.plus(Tokens::of(call)))
}

/// Of the calls that the programs stream: the farewell, in the third turn.
pub fn streamed() -> Tokens {
    let farewell = turns().nth(2).expect("a farewell");
    let calls = farewell.calls.iter().map(Tokens::of);
    calls.fold(Tokens::default(), Tokens::plus)
}

pub fn calls() -> impl Iterator<Item = &'static Value> {
    turns().flat_map(|turn| turn.calls)
}

pub fn system() -> &'static str {
    text(&SCRIPT["system"])
}

pub fn user() -> &'static str {
    text(&SCRIPT["user"])
}

pub fn tool() -> &'static Value {
    &SCRIPT["tool"]
}

fn array(value: &'static Value) -> &'static [Value] {
    value.as_array().expect("a list in script.json")
}

fn text(value: &'static Value) -> &'static str {
    value.as_str().expect("a text in script.json")
}
