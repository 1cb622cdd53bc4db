//! The page is built by Node before cargo runs. A release without it would be useless to people, so there is none; in a
//! debug build `/` says how to build it, and nobody needs Node to work on the rest.

use std::path::Path;

/// The build's folder is kept in the repository, empty: cargo can only watch what exists.
const BUILT: &str = "../web/dist";

fn main() {
    println!("cargo::rerun-if-changed={BUILT}");
    let is_built = Path::new(BUILT).join("page/index.html").exists();
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    // The tests are about the page where it is there, and about its absence where it is not.
    println!("cargo::rustc-check-cfg=cfg(page_is_built)");
    if is_built {
        println!("cargo::rustc-cfg=page_is_built");
    }
    if is_release && !is_built {
        println!(
            "cargo::error=the page that the gateway serves is not built: run scripts/page.sh first (it needs Node), as `make up` does"
        );
    }
}
