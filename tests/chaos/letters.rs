//! Dead letters, compared: each record that cannot be read has one, and all who write it write the same.

use harness::otlp::hex;
use harness::record::Record;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Records that are named as examples of each kind of fault.
const NAMED_MAX: usize = 3;

/// By `topic/partition/offset` of the record, the distinct contents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letters(BTreeMap<String, BTreeSet<String>>);

impl Letters {
    pub(crate) fn of(letters: &[Record]) -> Self {
        let mut found = Self::default();
        for letter in letters {
            let (at, content) = read(letter);
            // Whoever reads a record again writes its letter again.
            found.0.entry(at).or_default().insert(content);
        }
        found
    }

    /// A topic that was made anew has the same offsets once more.
    pub(crate) fn extend(&mut self, other: Self) {
        for (at, contents) in other.0 {
            self.0.entry(at).or_default().extend(contents);
        }
    }

    /// Distinct ones.
    pub(crate) fn count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// What is wrong here, if `right` is right.
    pub(crate) fn against(&self, right: &Self) -> WrongLetters {
        let mut wrong = WrongLetters::default();
        for (at, expected) in &right.0 {
            match self.0.get(at) {
                None => wrong.too_few.push(at.clone()),
                Some(contents) if contents != expected => wrong.different.push(at.clone()),
                Some(_) => {}
            }
        }
        let is_known = |at: &&String| right.0.contains_key(*at);
        let too_many = self.0.keys().filter(|at| !is_known(at));
        wrong.too_many.extend(too_many.cloned());
        wrong
    }
}

/// What a dead letter is of, and all that it says.
fn read(letter: &Record) -> (String, String) {
    let header = |name: &str| {
        let value = letter.header(&format!("colloquy.dlq.{name}"));
        value.unwrap_or_default()
    };
    let at = ["topic", "partition", "offset"].map(header).join("/");
    let headers: BTreeMap<&str, _> = letter
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value)))
        .collect();
    let key = letter.key.as_deref().map(hex);
    let payload = hex(&Sha256::digest(&letter.payload));
    let content = json!({"headers": headers, "key": key, "payload": payload});
    (at, content.to_string())
}

/// Records by what is wrong with their letters.
#[derive(Clone, Debug, Default)]
pub(crate) struct WrongLetters {
    too_many: Vec<String>,
    too_few: Vec<String>,
    /// They say something else.
    different: Vec<String>,
}

impl WrongLetters {
    fn all(&self) -> [(&'static str, &Vec<String>); 3] {
        [
            ("dead letters too many", &self.too_many),
            ("dead letters missing", &self.too_few),
            ("dead letters with another content", &self.different),
        ]
    }

    pub(crate) fn is_right(&self) -> bool {
        self.all().iter().all(|(_, records)| records.is_empty())
    }

    /// How many are too many / too few / different, if any.
    pub(crate) fn told(&self) -> Option<String> {
        let counts = self.all().map(|(_, records)| records.len().to_string());
        (!self.is_right()).then(|| format!("dead letters {}", counts.join(" / ")))
    }

    /// The first records of each kind of fault.
    pub(crate) fn examples(&self) -> Vec<String> {
        let wrong = self.all().into_iter();
        let wrong = wrong.filter(|(_, records)| !records.is_empty());
        wrong
            .map(|(kind, records)| {
                let first = &records[..records.len().min(NAMED_MAX)];
                format!("{kind}: {}", first.join(", "))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(all: &[(u32, &str)]) -> Letters {
        let letter = |(offset, reason): &(u32, &str)| {
            let mut letter = Record::new("dead", "key", "payload");
            let headers = [
                ("topic", "spans".to_owned()),
                ("partition", "0".to_owned()),
                ("offset", offset.to_string()),
                ("reason", (*reason).to_owned()),
            ];
            letter.headers = headers
                .into_iter()
                .map(|(name, value)| (format!("colloquy.dlq.{name}"), value.into_bytes()))
                .collect();
            letter
        };
        Letters::of(&all.iter().map(letter).collect::<Vec<_>>())
    }

    #[test]
    fn a_letter_that_was_written_twice_is_right() {
        let right = letters(&[(1, "undecodable"), (2, "undecodable")]);
        let found = letters(&[(1, "undecodable"), (2, "undecodable"), (1, "undecodable")]);
        assert!(found.against(&right).is_right());
        assert_eq!(found.count(), 2);
    }

    #[test]
    fn letters_that_are_missing_or_of_other_records_or_say_something_else_are_told() {
        let right = letters(&[(1, "undecodable"), (2, "undecodable")]);
        let wrong = letters(&[(2, "panicked"), (3, "undecodable")]).against(&right);
        assert_eq!(wrong.told().as_deref(), Some("dead letters 1 / 1 / 1"));
        assert_eq!(
            wrong.examples(),
            [
                "dead letters too many: spans/0/3",
                "dead letters missing: spans/0/1",
                "dead letters with another content: spans/0/2",
            ]
        );
    }
}
