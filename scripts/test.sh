#!/usr/bin/env bash
# `make test`: everything that must hold before a change lands. usage: test.sh all|check|unit|docs|helm|e2e|chaos|page
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
for part in say requirements; do
  # shellcheck source=/dev/null
  source "scripts/lib/$part.sh"
done

# Two at a time: each end-to-end test runs a processor, a gateway and a Redis of its own.
export E2E_THREADS=${E2E_THREADS:-2}
# More than cores: those that take long wait for clients and servers.
export UNIT_THREADS=${UNIT_THREADS:-6}

main() {
  install_requirements 'chromium|chromium'
  # Before anything is compiled: the gateway takes the page in.
  scripts/page.sh
  case ${1:-all} in
    all) install_beforehand & timed check; timed unit; timed docs; timed helm; timed e2e; timed chaos; timed page ;;
    check | unit | docs | helm | e2e | chaos | page) timed "$1" ;;
    *) fail "unknown part '$1'" "usage: test.sh all|check|unit|docs|helm|e2e|chaos|page" ;;
  esac
  printf '\nPASSED: %s, in %d min %02d s\n' "${1:-all}" $((SECONDS / 60)) $((SECONDS % 60))
}

# Runs one part and says how long it took. The part is a process of its own: inside a condition, bash would go on after
# a command that failed.
timed() {
  local begin=$SECONDS
  step "$1"
  bash -euo pipefail -c "$(declare -f "$1"); $1" || fail "'$1' failed" "Run it alone with:  scripts/test.sh $1"
  note "$1 took $((SECONDS - begin)) s"
}

# In the background of what compiles. The parts that need these install what is missing then, and say what went wrong.
install_beforehand() { { tests/helm/install.sh; tests/sdk/install.sh; } >/dev/null 2>&1 </dev/null; }

check() {
  npm --prefix services/web run --silent check
  cargo fmt --all --check
  cargo clippy --workspace --all-targets --locked -- -D warnings
  # With private items, for those who read them work on the code: a name that is no more is found.
  RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked --quiet
  scripts/deny.sh
  # The fuzz targets are a workspace of their own, which would rot unseen.
  cargo check --manifest-path fuzz/Cargo.toml --target-dir target --locked
}

# Both parts select the whole workspace, so that everything is compiled once: another selection has other features.
unit() {
  npm --prefix services/web run --silent test
  # All test programs but those whose names begin with e: e2e and e2e_sdk.
  cargo test --workspace --locked --lib --bins --test '[!e]*' -- --test-threads "$UNIT_THREADS"
  # Those of `runtime`: the other crates have none, and say so by `doctest = false`.
  cargo test --workspace --locked --doc
}

# What is made from code, by the programs that `unit` has built; the licences of what they are built from.
docs() {
  scripts/docs.sh check
  scripts/licences.py check
}

# The chart against Kubernetes' schemas.
helm() {
  tests/helm/install.sh
  # Without plugins: one of the packages brings its own, for tests on a cluster.
  PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 .local/helm/bin/python -B -m pytest -q -p no:cacheprovider tests/helm
}

e2e() {
  scripts/kafka/install.sh >/dev/null
  cargo test --workspace --locked --test e2e --test e2e_sdk -- --test-threads "$E2E_THREADS"
}

# A few faults beside an oracle; `make chaos` plays them all.
chaos() {
  scripts/kafka/install.sh >/dev/null
  # Like the end-to-end tests: see above.
  cargo test --workspace --locked --no-run
  # Two at once: most of it is waiting.
  target/debug/chaos --form short --seed "${CHAOS_SEED:-1}" --at-once 2
}

# The page in a browser, on the whole system.
page() {
  scripts/kafka/install.sh >/dev/null
  # Like the end-to-end tests: see above.
  cargo test --workspace --locked --no-run
  npm --prefix services/web run --silent e2e
}

main "$@"
