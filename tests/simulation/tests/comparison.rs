//! The table of `docs/transcripts.md` says what this finds. Set `UPDATE_EXAMPLES=1` to write it.

use simulation::other_rules::{Score, compare};
use std::fmt::Write as _;
use std::path::Path;

const CONVERSATIONS: u64 = 2_000;
const BEGIN: &str = "<!-- the table below is written by the test `comparison` -->\n";
const END: &str = "<!-- end of the table -->\n";

#[test]
fn the_documented_comparison_is_what_the_rules_do() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/transcripts.md");
    let written = std::fs::read_to_string(&page).expect("the page is there");
    let (before, rest) = written.split_once(BEGIN).expect("the table begins");
    let (_, after) = rest.split_once(END).expect("the table ends");
    let expected = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        std::fs::write(&page, &expected).expect("the page is writable");
    }
    assert!(
        written == expected || std::env::var_os("UPDATE_EXAMPLES").is_some(),
        "docs/transcripts.md says otherwise; write it anew with UPDATE_EXAMPLES=1:\n{}",
        table()
    );
}

fn table() -> String {
    let mut table = String::from(
        "| conversations with | how many | equal texts once | newest message of each call | histories |\n|---|---|---|---|---|\n",
    );
    for (feature, score) in compare(1..=CONVERSATIONS) {
        assert_eq!(score.by_histories, score.conversations, "{feature:?}");
        let title = feature.map_or("(all)", |feature| feature.title());
        let Score { conversations, .. } = score;
        writeln!(
            table,
            "| {title} | {conversations} | {} | {} | {} |",
            percent(score.by_text, conversations),
            percent(score.by_newest, conversations),
            percent(score.by_histories, conversations)
        )
        .expect("writing to a string");
    }
    table
}

fn percent(part: u32, whole: u32) -> String {
    format!("{:.1} %", f64::from(part) * 100.0 / f64::from(whole))
}
