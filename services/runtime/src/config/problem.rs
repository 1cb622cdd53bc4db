//! What is wrong with a configuration: every mistake at once, each with its key, its source and what to do.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Dotted, such as `gateway.bind`; empty when the whole file is meant.
    pub key: String,
    /// Where the value came from: a file, an environment variable, a default.
    pub source: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.as_str(), self.source.as_str()) {
            ("", "") => write!(f, "{}", self.message),
            ("", source) => write!(f, "{source}: {}", self.message),
            (key, "") => write!(f, "{key}: {}", self.message),
            (key, source) => write!(f, "{key} (from {source}): {}", self.message),
        }
    }
}

/// The configuration cannot be used. Shows all problems, one a line.
#[derive(Debug, thiserror::Error)]
#[error("the configuration cannot be used:{}", self.lines())]
pub struct Error {
    pub problems: Vec<Problem>,
}

impl Error {
    fn lines(&self) -> String {
        self.problems
            .iter()
            .map(|problem| format!("\n  - {problem}"))
            .collect()
    }
}

/// Collects what a configuration's own `validate` finds.
#[derive(Debug, Default)]
pub struct Problems {
    pub(super) found: Vec<(String, String)>,
}

impl Problems {
    /// `key` is dotted; the message says what is wrong and what to do.
    pub fn add(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.found.push((key.into(), message.into()));
    }

    /// Adds the message unless the condition holds.
    pub fn require(&mut self, holds: bool, key: &str, message: impl Into<String>) {
        if !holds {
            self.add(key, message);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// The known word that was probably meant, if any is near enough.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance_max = 1 + word.len() / 4;
    known
        .into_iter()
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= distance_max)
        .min()
        .map(|(_, candidate)| candidate)
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_near_and_nothing_that_is_not() {
        assert_eq!(
            nearest("bnid", ["bind", "tokens", "probes_bind"]),
            Some("bind")
        );
        assert_eq!(nearest("colour", ["bind", "tokens"]), None);
    }
}
