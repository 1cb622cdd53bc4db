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
    /// The operation where the dialect has its own word for it. Gets the attributes and the span's name.
    pub(crate) operation: fn(&Fields, &str) -> Option<Operation>,
    /// Moves messages out of attributes and events where a name in the table does not do it.
    pub(crate) content: fn(&mut Draft),
}

impl std::fmt::Debug for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.label)
    }
}

/// For dialects whose content is all in the table.
pub(crate) fn no_content(_: &mut Draft) {}
