//! What a dialect is.

use crate::normalise::draft::Draft;
use crate::normalise::draft::names::Names;
use crate::normalise::values::fields::Fields;
use crate::span::Operation;

/// A dialect: its attribute names, and code only for what a table cannot say.
pub(crate) struct Dialect {
    /// Shown as the first half of [`crate::span::Span::instrumentation`].
    pub(crate) label: &'static str,
    pub(crate) names: &'static Names,
    /// The operation where the dialect has its own word for it. Gets the attributes and the span's name; `None` for what
    /// it does not know.
    pub(crate) operation: fn(&Fields, &str) -> Option<Operation>,
    /// Looks at attributes and events before content is read, where a name in the table does not do it. Runs on every
    /// span, so it goes by what is there.
    pub(crate) before: fn(&mut Draft),
}

impl std::fmt::Debug for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.label)
    }
}

/// For dialects of which all is in the table.
pub(crate) fn nothing(_: &mut Draft) {}

/// For dialects that say what they do by the convention's names.
pub(crate) fn no_operation(_: &Fields, _: &str) -> Option<Operation> {
    None
}
