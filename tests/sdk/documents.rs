//! What the documents show is what runs here: the README's snippets are regions of the programs, and the table in
//! `docs/sdks.md` is written from the set-ups. `UPDATE_EXAMPLES=1` writes what is true now.

use crate::setups::{self, Runtime, Setup};
use harness::process::workspace;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// What the README has to show: the files that each snippet is made of.
const SNIPPETS: [&[&str]; 6] = [
    &["tests/sdk/python/sentry_openai.py"],
    &[
        "tests/sdk/node/sentry.mjs",
        "tests/sdk/node/sentry_request.mjs",
    ],
    &["tests/sdk/python/otel_openai.py"],
    &["tests/sdk/node/otel.mjs", "tests/sdk/node/otel_openai.mjs"],
    &["tests/sdk/node/vercel_otel.mjs"],
    &["docs/collector/kafka.yaml"],
];
const README: &str = "README.md";
const TABLE: &str = "docs/sdks.md";
const TABLE_BEGIN: &str =
    "<!-- Written by `UPDATE_EXAMPLES=1 cargo test --workspace --test e2e_sdk -- documents`. -->\n";
const TABLE_END: &str = "<!-- The end of what is written. -->";

#[test]
fn readme_shows_what_runs() {
    let mut readme = read(README);
    for files in SNIPPETS {
        let marker = format!("<!-- {} -->\n", files.join(", "));
        let (_, below) = readme
            .split_once(&marker)
            .unwrap_or_else(|| panic!("{README} has no snippet after a line {marker}"));
        let (language, block) = below
            .strip_prefix("```")
            .and_then(|fence| fence.split_once('\n'))
            .unwrap_or_else(|| panic!("{README}: no code block follows {marker}"));
        let (shown, _) = block.split_once("```").expect("the code block ends");
        let parts: Vec<_> = files.iter().map(|file| snippet(file)).collect();
        let runs = parts.join("\n");
        if shown != runs && updates() {
            let old = format!("{marker}```{language}\n{shown}```");
            let new = format!("{marker}```{language}\n{runs}```");
            readme = readme.replace(&old, &new);
        } else {
            assert_eq!(shown, runs, "{README} shows something else than {files:?}");
        }
    }
    if updates() {
        fs::write(workspace().join(README), readme).expect("writable");
    }
}

#[test]
fn table_says_what_is_tested() {
    let page = read(TABLE);
    let (head, rest) = page.split_once(TABLE_BEGIN).expect("the table begins");
    let (shown, tail) = rest.split_once(TABLE_END).expect("the table ends");
    let table = table();
    if shown != table && updates() {
        let page = format!("{head}{TABLE_BEGIN}{table}{TABLE_END}{tail}");
        fs::write(workspace().join(TABLE), page).expect("writable");
        return;
    }
    assert_eq!(
        shown, table,
        "{TABLE} is not what is tested: run this with UPDATE_EXAMPLES=1"
    );
}

/// The lines of a file between `[connect]` and `[end]`; each such region moved to the left, an empty line between them.
fn snippet(file: &str) -> String {
    let mut regions = Vec::new();
    let content = read(file);
    let mut region: Option<Vec<&str>> = None;
    for line in content.lines() {
        let mark = line.trim_start_matches([' ', '/', '#']);
        match (mark, region.as_mut()) {
            ("[connect]", None) => region = Some(Vec::new()),
            ("[end]", Some(_)) => regions.extend(region.take().map(|lines| to_the_left(&lines))),
            (_, Some(lines)) => lines.push(line),
            (_, None) => {}
        }
    }
    assert!(
        region.is_none() && !regions.is_empty(),
        "{file}: each [connect] needs its [end]"
    );
    regions.join("\n")
}

fn to_the_left(lines: &[&str]) -> String {
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let indent = filled
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or_default();
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{}", line.get(indent..).unwrap_or_default());
        text
    })
}

fn table() -> String {
    let mut table = "\n| SDK | versions | sends | set beside the address | leaves out |\n|---|---|---|---|---|\n".to_owned();
    let node = node_versions();
    for setup in setups::ALL {
        let versions = match setup.runtime {
            Runtime::Python { environment } => python_versions(environment),
            Runtime::Node { .. } => node.clone(),
        };
        let _ = writeln!(table, "{}", row(setup, &versions));
    }
    table.push('\n');
    table
}

fn row(setup: &Setup, versions: &BTreeMap<String, String>) -> String {
    let (language, folder) = match setup.runtime {
        Runtime::Python { .. } => ("Python", "python"),
        Runtime::Node { .. } => ("Node", "node"),
    };
    let versions: Vec<_> = setup
        .packages
        .iter()
        .map(|package| {
            let version = versions.get(*package);
            let version = version.unwrap_or_else(|| panic!("{package} is in no lock file"));
            format!("{package} {version}")
        })
        .collect();
    let left_out: Vec<_> = setup.leaves_out.iter().map(|left| left.as_text()).collect();
    format!(
        "| [{}](../tests/sdk/{folder}/{}) ({language}) | {} | {} | {} | {} |",
        setup.title,
        setup.program,
        versions.join(", "),
        setup.sends,
        setup.set,
        match left_out.is_empty() {
            true => "nothing".to_owned(),
            false => left_out.join("; "),
        },
    )
}

fn python_versions(environment: &str) -> BTreeMap<String, String> {
    read(format!("tests/sdk/python/locks/{environment}.txt"))
        .lines()
        .filter_map(|line| line.split_once("=="))
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .collect()
}

fn node_versions() -> BTreeMap<String, String> {
    let lock: Value =
        serde_json::from_str(&read("tests/sdk/node/package-lock.json")).expect("JSON");
    let packages = lock["packages"].as_object().expect("packages");
    packages
        .iter()
        .filter_map(|(path, package)| {
            let name = path.strip_prefix("node_modules/")?;
            Some((name.to_owned(), package["version"].as_str()?.to_owned()))
        })
        .collect()
}

fn read(file: impl AsRef<Path>) -> String {
    let path = workspace().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn updates() -> bool {
    std::env::var_os("UPDATE_EXAMPLES").is_some()
}
