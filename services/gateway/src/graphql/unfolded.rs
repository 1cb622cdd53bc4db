//! How large a document is once its fragments are unfolded.
//!
//! Each fragment is weighed once and remembered, so weighing costs what the text costs, whatever it unfolds to: 60 fragments
//! that each spread the next one twice are 2 KB of text and 2^60 fields. What is larger than allowed is refused before
//! anything walks it: the library's own rules unfold.

use async_graphql::Name;
use async_graphql::Positioned;
use async_graphql::parser::types::{Directive, ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql_value::Value as DocumentValue;
use std::collections::HashMap;

/// What a part of a document unfolds to. Sums do not overflow: they stay at the largest number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// Fields, `__typename` among them, fragments, directives and arguments.
    pub(super) selections: u64,
    /// Fields that are given another name.
    pub(super) aliases: u64,
    pub(super) directives: u64,
    /// Levels of fields.
    pub(super) depth: u64,
}

impl Weight {
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.depth = self.depth.max(other.depth);
    }

    fn add_directives(&mut self, directives: &[Positioned<Directive>]) {
        let arguments = directives
            .iter()
            .map(|directive| directive.node.arguments.len());
        let count = directives.len() as u64;
        self.directives = self.directives.saturating_add(count);
        let size = count + arguments.sum::<usize>() as u64;
        self.selections = self.selections.saturating_add(size);
    }
}

/// A fragment that spreads itself, directly or through others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cycle {
    pub(super) fragment: Name,
}

/// What all operations of the document unfold to, and the fragments that none of them spreads.
///
/// # Errors
/// When a fragment spreads itself: it unfolds without end.
pub(super) fn weigh(document: &ExecutableDocument) -> Result<Weight, Cycle> {
    let mut scales = Scales {
        document,
        known: HashMap::new(),
    };
    let mut whole = Weight::default();
    for (_, operation) in document.operations.iter() {
        whole.add_directives(&operation.node.directives);
        whole.add(scales.set(&operation.node.selection_set)?);
    }
    // Rules walk those, too, once each.
    for name in document.fragments.keys() {
        if !scales.known.contains_key(name) {
            whole.add(scales.fragment(name)?);
        }
    }
    Ok(whole)
}

struct Scales<'a> {
    document: &'a ExecutableDocument,
    /// `None` while a fragment is being weighed.
    known: HashMap<&'a Name, Option<Weight>>,
}

impl<'a> Scales<'a> {
    fn set(&mut self, set: &'a Positioned<SelectionSet>) -> Result<Weight, Cycle> {
        let mut weight = Weight::default();
        for selection in &set.node.items {
            weight.selections = weight.selections.saturating_add(1);
            weight.add_directives(selection.node.directives());
            let inner = match &selection.node {
                Selection::Field(field) => self.field(&field.node)?,
                Selection::InlineFragment(inline) => self.set(&inline.node.selection_set)?,
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node)?
                }
            };
            weight.add(inner);
        }
        Ok(weight)
    }

    fn field(&mut self, field: &'a Field) -> Result<Weight, Cycle> {
        let mut weight = self.set(&field.selection_set)?;
        weight.depth += 1;
        weight.aliases = weight
            .aliases
            .saturating_add(u64::from(field.alias.is_some()));
        let arguments = field
            .arguments
            .iter()
            .map(|(_, value)| value_size(&value.node));
        let arguments = arguments.fold(0, u64::saturating_add);
        weight.selections = weight.selections.saturating_add(arguments);
        Ok(weight)
    }

    fn fragment(&mut self, name: &Name) -> Result<Weight, Cycle> {
        // One that is not there is told by the library, with its place.
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            return Ok(Weight::default());
        };
        match self.known.insert(name, None) {
            Some(Some(weight)) => {
                self.known.insert(name, Some(weight));
                return Ok(weight);
            }
            Some(None) => {
                let fragment = name.clone();
                return Err(Cycle { fragment });
            }
            None => {}
        }
        let mut weight = self.set(&fragment.node.selection_set)?;
        weight.add_directives(&fragment.node.directives);
        self.known.insert(name, Some(weight));
        Ok(weight)
    }
}

/// How many values an argument consists of.
fn value_size(value: &DocumentValue) -> u64 {
    use DocumentValue::{List, Object};
    match value {
        List(items) => items.iter().map(value_size).fold(1, u64::saturating_add),
        Object(fields) => fields.values().map(value_size).fold(1, u64::saturating_add),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;
    use std::fmt::Write as _;

    fn weight(query: &str) -> Weight {
        weigh(&parse_query(query).expect("parses")).expect("no cycle")
    }

    /// Each fragment spreads the next one twice.
    fn doubling(levels: usize) -> String {
        let mut query = "{ ...F0 }".to_owned();
        for level in 0..levels {
            let next = level + 1;
            write!(
                query,
                " fragment F{level} on Query {{ ...F{next} ...F{next} }}"
            )
            .expect("text");
        }
        write!(query, " fragment F{levels} on Query {{ __typename }}").expect("text");
        query
    }

    #[test]
    fn fields_fragments_directives_and_arguments_count() {
        let weighed = weight(
            "query A @x { a: b c(d: [1, {e: 2}]) { f: g @skip(if: true) ... on T { h } ...F @y } } \
             fragment F on T @z { i: j k }",
        );
        let expected = Weight {
            // @x; a, c with its list of 2 values within 4; f with @skip and its argument; the inline fragment with h; ...F
            // with @y, @z, i and k.
            selections: 1 + 1 + 1 + 4 + 1 + 2 + 1 + 1 + 1 + 1 + 1 + 1 + 1,
            aliases: 3,
            directives: 4,
            depth: 2,
        };
        assert_eq!(weighed, expected);
    }

    #[test]
    fn what_is_spread_counts_each_time() {
        assert_eq!(weight(&doubling(1)).selections, 1 + 2 + 2);
        assert_eq!(weight(&doubling(20)).selections, 3 * (1 << 20) - 1);
        assert_eq!(weight(&doubling(60)).selections, 3 * (1 << 60) - 1);
        assert_eq!(weight(&doubling(600)).selections, u64::MAX);
    }

    #[test]
    fn a_fragment_that_spreads_itself_is_found() {
        for query in [
            "{ ...A } fragment A on Query { ...A }",
            "{ ...A } fragment A on Query { ...B ...B } fragment B on Query { a { ...A } }",
            "{ a } fragment A on Query { ...A ...A }",
        ] {
            let found = weigh(&parse_query(query).expect("parses"));
            assert!(found.is_err(), "{query}");
        }
    }

    #[test]
    fn a_fragment_that_is_not_there_weighs_nothing() {
        assert_eq!(weight("{ ...A }").selections, 1);
    }
}
