//! What fuzzing found stays found: every input under `fuzz/finds`, and every recording, passes the oracles of the fuzz
//! targets. The targets themselves need another compiler: see `make fuzz`.

use arbitrary::{Arbitrary as _, Unstructured};
use processor::reading::decode;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/edits.rs"]
mod edits;
#[path = "../../../fuzz/src/oracles.rs"]
mod oracles;
#[path = "../../../fuzz/src/recordings.rs"]
mod recordings;
#[path = "../../../fuzz/src/records.rs"]
mod records;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn captured() -> PathBuf {
    root().join("schemas/examples/captured")
}

fn finds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = root().join("fuzz/finds").join(target);
    let entries = fs::read_dir(folder).expect("the finds lie in the repository");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    paths
        .map(|path| (path.clone(), fs::read(path).expect("a readable file")))
        .collect()
}

#[test]
fn recordings_pass_the_oracles() {
    for folder in recordings::folders(&captured()) {
        let read = records::read(&recordings::as_input(&folder));
        assert!(!read.is_empty(), "{} holds nothing", folder.display());
        oracles::check(read);
    }
}

#[test]
fn found_records_pass_the_oracles() {
    let finds = finds("records");
    assert!(!finds.is_empty());
    for (path, input) in finds {
        let read = records::read(&input);
        assert!(!read.is_empty(), "{} holds nothing", path.display());
        oracles::check(read);
    }
}

#[test]
fn found_edits_pass_the_oracles() {
    let recordings = recordings::all(&captured());
    for (_, input) in finds("attributes") {
        let script = edits::Script::arbitrary_take_rest(Unstructured::new(&input));
        oracles::check(script.expect("an input of this target").apply(&recordings));
    }
}
