//! What was found, as a table of a document, and its place in one.

use crate::census::Verdict;
use crate::letters::WrongLetters;
use anyhow::{Context, ensure};
use std::path::Path;
use std::time::Duration;

const BEGIN: &str = "<!-- chaos: begin -->";
const END: &str = "<!-- chaos: end -->";

/// What came of one scenario.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    fault: &'static str,
    /// How often the fault was done.
    pub(crate) times: u32,
    /// How often there was something left to read then.
    pub(crate) under_lag: u32,
    /// `None` when it did not come to that.
    pub(crate) verdict: Option<Verdict>,
    /// From the last fault until all was right.
    pub(crate) took: Option<Duration>,
    /// Looks at which a process was ready that could not be.
    pub(crate) untrue: u32,
    pub(crate) untrue_first: Option<String>,
    /// Records committed before they were read, as seen from outside.
    pub(crate) commits_ahead: i64,
    /// The same, as the processors count it.
    pub(crate) breaches: u64,
    pub(crate) expired: u64,
    /// What went wrong beside what the verdict counts.
    pub(crate) problems: Vec<String>,
    /// Why it was not played.
    pub(crate) skipped: Option<&'static str>,
    pub(crate) played: Duration,
}

impl Row {
    pub(crate) fn new(name: &'static str, fault: &'static str) -> Self {
        Self {
            name,
            fault,
            ..Self::default()
        }
    }

    pub(crate) fn skipped(name: &'static str, fault: &'static str, why: &'static str) -> Self {
        Self {
            skipped: Some(why),
            ..Self::new(name, fault)
        }
    }

    pub(crate) fn is_right(&self) -> bool {
        if self.skipped.is_some() {
            return true;
        }
        let verdict = self.verdict.as_ref().is_some_and(Verdict::is_right);
        let watched = self.untrue == 0 && self.breaches == 0 && self.commits_ahead == 0;
        verdict && watched && self.problems.is_empty()
    }

    /// What is wrong, a line each.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.problems.clone();
        complaints.extend(self.untrue_first.clone());
        complaints.extend(self.verdict.iter().flat_map(Verdict::examples));
        if self.commits_ahead > 0 {
            let ahead = self.commits_ahead;
            complaints.push(format!("{ahead} records more were committed than read"));
        }
        complaints
    }

    /// As it stands in the table.
    pub(crate) fn line(&self) -> String {
        format!("| {} |\n", self.cells().join(" | "))
    }

    fn cells(&self) -> [String; 9] {
        if let Some(why) = self.skipped {
            let mut cells = [const { String::new() }; 9];
            self.fault.clone_into(&mut cells[0]);
            cells[8] = format!("not played: {why}");
            return cells;
        }
        let number = |of: fn(&Verdict) -> usize| match &self.verdict {
            Some(verdict) => of(verdict).to_string(),
            None => "–".to_owned(),
        };
        let revisions = self.verdict.as_ref().map_or("–".to_owned(), |verdict| {
            let numbers = [
                verdict.revisions_too_many,
                verdict.revisions_too_few,
                verdict.revisions_different,
                verdict.shown_otherwise,
            ];
            numbers.map(|number| number.to_string()).join(" / ")
        });
        let took = match self.took {
            Some(took) if self.is_right() => format!("{:.0}", took.as_secs_f64()),
            _ => "never".to_owned(),
        };
        [
            self.fault.to_owned(),
            self.times(),
            number(|verdict| verdict.spans),
            number(|verdict| verdict.lost),
            number(|verdict| verdict.doubled),
            number(|verdict| verdict.different),
            revisions,
            took,
            self.truth(),
        ]
    }

    fn times(&self) -> String {
        match self.under_lag {
            0 => self.times.to_string(),
            lag => format!("{}, {lag} under lag", self.times),
        }
    }

    /// What is told of probes and of the invariant on commits.
    fn truth(&self) -> String {
        let mut untruths = Vec::new();
        if self.untrue > 0 {
            untruths.push(format!("untrue {} times", self.untrue));
        }
        if self.breaches > 0 {
            untruths.push(format!("{} breaches", self.breaches));
        }
        if self.commits_ahead > 0 {
            untruths.push(format!("{} commits ahead", self.commits_ahead));
        }
        let letters = self.verdict.as_ref().map(|verdict| &verdict.letters);
        untruths.extend(letters.and_then(WrongLetters::told));
        if untruths.is_empty() {
            let expired = self.expired;
            return match expired {
                0 => "true".to_owned(),
                _ => format!("true; {expired} records told as expired"),
            };
        }
        untruths.join(", ")
    }
}

const HEAD: &str = "| fault | times | spans | lost | doubled | different | revisions | seconds to right | probes, commits |\n\
    |---|---|---|---|---|---|---|---|---|\n";

/// All rows as a Markdown table.
pub(crate) fn table(rows: &[Row]) -> String {
    let lines = rows.iter().map(Row::line);
    std::iter::once(HEAD.to_owned()).chain(lines).collect()
}

/// One table of the rows that several runs printed, in the order of these faults.
pub(crate) fn joined<'a>(faults: impl Iterator<Item = &'a str>, printed: &[String]) -> String {
    let mut table = HEAD.to_owned();
    for fault in faults {
        let begin = format!("| {fault} |");
        let row = printed.iter().find(|line| line.starts_with(&begin));
        table.extend(row.map(|row| format!("{row}\n")));
    }
    table
}

/// Puts the table, and a line on where it comes from, between the marks of a document.
///
/// # Errors
/// When the document cannot be read or written, or has no such marks.
pub(crate) fn write(document: &Path, origin: &str, table: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(document)
        .with_context(|| format!("reading {}", document.display()))?;
    std::fs::write(document, replaced(&text, origin, table)?)?;
    Ok(())
}

fn replaced(text: &str, origin: &str, table: &str) -> anyhow::Result<String> {
    let (before, rest) = text.split_once(BEGIN).context("no mark to begin at")?;
    let (_, after) = rest.split_once(END).context("no mark to end at")?;
    ensure!(!after.contains(END), "two marks to end at");
    Ok(format!("{before}{BEGIN}\n{origin}\n\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_runs_printed_becomes_one_table() {
        let printed = ["| b | 2 |", "b: wrong", "| a | 1 |"].map(str::to_owned);
        let table = joined(["a", "b", "c"].into_iter(), &printed);
        assert_eq!(table, format!("{HEAD}| a | 1 |\n| b | 2 |\n"));
    }

    #[test]
    fn a_row_is_right_only_when_everything_about_it_is() {
        let right = Row {
            verdict: Some(Verdict::default()),
            ..Row::new("none", "none")
        };
        assert!(right.is_right());
        assert!(!Row::new("none", "did not come to a verdict").is_right());
        let with = |change: fn(&mut Row)| {
            let mut row = right.clone();
            change(&mut row);
            row
        };
        for wrong in [
            with(|row| row.untrue = 1),
            with(|row| row.breaches = 1),
            with(|row| row.commits_ahead = 1),
            with(|row| row.problems.push("a problem".to_owned())),
            with(|row| row.verdict.iter_mut().for_each(|verdict| verdict.lost = 1)),
        ] {
            assert!(!wrong.is_right(), "{wrong:?}");
            assert!(table(&[wrong]).contains("never"));
        }
    }

    #[test]
    fn a_table_takes_the_place_of_the_one_before() {
        let document = format!("# Title\n{BEGIN}\nold\n{END}\nmore\n");
        let once = replaced(&document, "By a run.", "| a |\n").expect("it has marks");
        assert_eq!(
            once,
            format!("# Title\n{BEGIN}\nBy a run.\n\n| a |\n{END}\nmore\n")
        );
        assert_eq!(
            replaced(&once, "By a run.", "| a |\n").expect("marks"),
            once
        );
        assert!(replaced("no marks", "", "").is_err());
    }
}
