//! What the world does to the spans of a conversation: the shapes that SDKs, exporters and gateways were seen to give what
//! they tell. None of them changes what was said.
//!
//! A seed picks its shapes; `SIMULATION_SHAPES` (names as in [`Shape`], by commas; empty for none) allows only these. A tape
//! that is cut to the shortest one that fails keeps the shapes that it fails by, and the script names them.

mod histories;
mod telling;

pub use histories::{pieces, retold};
pub use telling::mutate;

use crate::script::{Manner, Memory, ToolsTold};
use crate::tape::Tape;
use std::collections::BTreeSet;
use std::sync::OnceLock;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// The same call exported again under another span id.
    DuplicateExports,
    /// The clock of the service in which tools run, and all that is below them, goes up to ten minutes wrong.
    SkewedClocks,
    /// Nulls, empty texts and empty containers around and within everything, as clients' classes are dumped.
    Empties,
    /// Roles as each framework spells them.
    RoleNames,
    /// NaN in the arguments of tools, as Python writes it.
    NotANumber,
    /// Answers that are JSON.
    StructuredAnswers,
    /// A failed tool's span is well, its result says `isError`.
    ErrorsInResults,
    /// Agents end by exceptions that frameworks steer by.
    ControlFlow,
    /// The id of a response where that of a conversation belongs.
    ResponseIds,
    /// Histories hold a tool's result before the message that called it.
    ResultsFirst,
    /// Histories leave out the messages that called tools.
    MissingCalls,
    /// Histories tell the messages that called tools as empty.
    EmptyCalls,
    /// Histories are cut in the middle of their JSON by a length limit.
    CutHistories,
    /// An answer as several output messages, none with a reason why it ended.
    Pieces,
    /// Every span in the words of another SDK.
    MixedDialects,
    /// Each call of the first system is the parent of the same call of the second.
    Nested,
    /// The outer framework's agent spans tell the words of their last call again.
    WordsOnAgents,
}

impl Shape {
    pub const ALL: &[Self] = &[
        Self::DuplicateExports,
        Self::SkewedClocks,
        Self::Empties,
        Self::RoleNames,
        Self::NotANumber,
        Self::StructuredAnswers,
        Self::ErrorsInResults,
        Self::ControlFlow,
        Self::ResponseIds,
        Self::ResultsFirst,
        Self::MissingCalls,
        Self::EmptyCalls,
        Self::CutHistories,
        Self::Pieces,
        Self::MixedDialects,
        Self::Nested,
        Self::WordsOnAgents,
    ];

    /// As the documentation calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::DuplicateExports => "calls exported twice",
            Self::SkewedClocks => "clocks of services ten minutes apart",
            Self::Empties => "nulls and empty containers everywhere",
            Self::RoleNames => "roles in other spellings",
            Self::NotANumber => "NaN in arguments",
            Self::StructuredAnswers => "answers that are JSON",
            Self::ErrorsInResults => "tool failures told by `isError`",
            Self::ControlFlow => "control flow by exceptions",
            Self::ResponseIds => "response ids as conversation ids",
            Self::ResultsFirst => "results before their calls",
            Self::MissingCalls => "calling messages left out",
            Self::EmptyCalls => "calling messages empty",
            Self::CutHistories => "JSON cut by length limits",
            Self::Pieces => "answers in several messages",
            Self::MixedDialects => "SDKs mixed span by span",
            Self::Nested => "an SDK within another's calls",
            Self::WordsOnAgents => "words told again by agent spans",
        }
    }

    /// Whether a conversation that is told so can have this shape and still be known from what is left.
    fn suits(self, manner: &Manner) -> bool {
        let is_whole = manner.memory == Memory::Whole;
        match self {
            // Only the ids of calls tell which run is whose.
            Self::SkewedClocks => {
                manner.is_captured && manner.also.is_none() && manner.dialect.tells_call_ids()
            }
            Self::Empties | Self::ControlFlow => true,
            // Two blank calls of one moment may be two.
            Self::DuplicateExports => manner.is_captured && manner.also.is_none(),
            Self::RoleNames | Self::NotANumber | Self::StructuredAnswers => manner.is_captured,
            Self::ErrorsInResults => manner.is_captured,
            // Their own id is nearer than any other: what is above them must name the conversation.
            Self::ResponseIds => {
                manner.id_on_roots && manner.dialect.id_attribute() == "gen_ai.conversation.id"
            }
            Self::ResultsFirst | Self::MissingCalls | Self::EmptyCalls => {
                is_whole && manner.is_captured && manner.tools == ToolsTold::Both
            }
            // Of two systems only one is cut: the calls would have to be known by their answers alone.
            Self::CutHistories => is_whole && manner.is_captured && manner.also.is_none(),
            Self::Pieces => manner.is_captured && manner.dialect.has_output_messages(),
            // A system that names tools' calls by no id names threads otherwise.
            Self::MixedDialects => manner.also.is_none() && manner.dialect.tells_call_ids(),
            Self::Nested => manner.also.is_some_and(|second| !second.own_trace),
            Self::WordsOnAgents => is_whole && manner.is_captured && manner.also.is_none(),
        }
    }
}

/// The shapes that a tape gives a conversation of this manner.
pub fn drawn(manner: &Manner, tape: &mut Tape) -> BTreeSet<Shape> {
    let shapes = Shape::ALL.iter().copied();
    let chosen = shapes.filter(|shape| tape.chance(15) && shape.suits(manner));
    let mut chosen: BTreeSet<Shape> = chosen.filter(|shape| allowed().contains(shape)).collect();
    // A cut is told from the messages before it, so these are all there.
    const GAPS: &[Shape] = &[Shape::ResultsFirst, Shape::MissingCalls, Shape::EmptyCalls];
    if GAPS.iter().any(|gap| chosen.contains(gap)) {
        chosen.remove(&Shape::CutHistories);
    }
    chosen
}

/// Not read right in every conversation yet: played where `SIMULATION_SHAPES` names them.
const OPEN: &[Shape] = &[
    Shape::ResultsFirst,
    Shape::MissingCalls,
    Shape::EmptyCalls,
    Shape::CutHistories,
];

fn allowed() -> &'static BTreeSet<Shape> {
    static ALLOWED: OnceLock<BTreeSet<Shape>> = OnceLock::new();
    ALLOWED.get_or_init(|| match std::env::var("SIMULATION_SHAPES") {
        Err(_) => {
            let shapes = Shape::ALL.iter().copied();
            shapes.filter(|shape| !OPEN.contains(shape)).collect()
        }
        Ok(names) => names.split(',').filter_map(named).collect(),
    })
}

/// # Panics
/// When no shape has this name.
fn named(name: &str) -> Option<Shape> {
    let found = Shape::ALL
        .iter()
        .find(|shape| format!("{shape:?}") == name.trim());
    assert!(
        found.is_some() || name.trim().is_empty(),
        "no shape is named {name}: {:?}",
        Shape::ALL
    );
    found.copied()
}
