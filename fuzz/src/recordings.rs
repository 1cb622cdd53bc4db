//! The recorded exports of real SDKs: seeds of one target, and what the other one edits.

use super::oracles::Raw;
use super::records;
use std::fs;
use std::path::{Path, PathBuf};

/// One folder of `schemas/examples/captured` as one input of the `records` target.
pub fn as_input(folder: &Path) -> Vec<u8> {
    let inputs = files(folder).into_iter().filter_map(|file| {
        let kind = records::kind_of(file.file_name()?.to_str()?)?;
        let bytes = fs::read(&file).expect("a recording can be read");
        Some([&[kind], bytes.as_slice()].concat())
    });
    inputs.collect::<Vec<_>>().join(records::DELIMITER)
}

/// The folders of recordings, by name.
pub fn folders(captured: &Path) -> Vec<PathBuf> {
    let mut folders = files(captured);
    folders.retain(|path| path.is_dir());
    folders
}

/// What every folder holds, decoded; the long chat alone is too slow to be edited again and again.
pub fn all(captured: &Path) -> Vec<Vec<(Raw, i64)>> {
    const BYTES_MAX: usize = 256 * 1024;
    let folders = folders(captured);
    let inputs = folders.iter().map(|folder| as_input(folder));
    inputs
        .filter(|input| input.len() <= BYTES_MAX)
        .map(|input| records::read(&input))
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the recordings lie in the repository");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable entry").path())
        .collect();
    files.sort();
    files
}
