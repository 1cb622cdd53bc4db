//! Recorded spans, edited: normalise, prepare, assemble.

#![no_main]

use fuzz::edits::Script;
use fuzz::oracles::{self, Raw};
use fuzz::recordings;
use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::sync::LazyLock;

static RECORDINGS: LazyLock<Vec<Vec<(Raw, i64)>>> = LazyLock::new(|| {
    recordings::all(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../schemas/examples/captured"
    )))
});

fuzz_target!(|script: Script| {
    oracles::check(script.apply(&RECORDINGS));
});
