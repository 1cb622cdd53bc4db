//! What was reported of other systems, and the shapes that other SDKs send, each as a small folder under
//! `schemas/examples/reports`: what comes in, what is to be read, and why.

use super::reading::{Raw, examples, files, read};
use super::text::told;
use super::views_of;
use domain::trace::WithoutId;
use processor::reading::prices::PriceTable;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_report_reads_right() {
    let mut different = Vec::new();
    for folder in folders() {
        let text = reads(&folder);
        let golden = folder.join("expected.txt");
        if std::env::var_os("UPDATE_EXAMPLES").is_some() {
            fs::write(&golden, &text).expect("writable");
        }
        if fs::read_to_string(&golden).unwrap_or_default() != text {
            different.push(format!("{}:\n{text}", folder.display()));
        }
    }
    let count = different.len();
    let different = different.join("\n");
    assert!(count == 0, "{count} read differently now:\n{different}");
}

#[test]
fn every_report_says_where_it_is_from_and_why_that_is_right() {
    for folder in folders() {
        let about = fs::read_to_string(folder.join("README.md")).unwrap_or_default();
        for heading in ["source: ", "kind: ", "right: "] {
            let is_said = about.lines().any(|line| line.starts_with(heading));
            assert!(is_said, "{}: {heading:?} is missing", folder.display());
        }
    }
}

pub(super) fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(examples().join("reports"))
        .expect("the reports lie in the repository")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(folders.len() >= 100, "some reports are missing");
    folders
}

fn reads(folder: &Path) -> String {
    let exports = files(folder).into_iter().flat_map(|file| read(&file));
    reads_like(folder, exports)
}

pub(super) fn reads_like(folder: &Path, exports: impl Iterator<Item = (Raw, i64)>) -> String {
    let label = folder.file_name().and_then(|name| name.to_str());
    let prices = PriceTable::load(None).expect("the prices that are built in");
    let views = views_of(exports, WithoutId::Drop, &prices);
    let views: BTreeMap<_, _> = views
        .into_iter()
        .map(|(key, view)| (key.id, view))
        .collect();
    told(label.expect("a name"), &views)
}
