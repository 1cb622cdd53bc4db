#!/usr/bin/env bash
# `make chaos`: every fault of docs/reliability.md, whose table it writes. usage: chaos.sh SEED
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
for part in say requirements; do
  # shellcheck source=/dev/null
  source "scripts/lib/$part.sh"
done

main() {
  install_requirements
  # Before anything is compiled: the gateway takes the page in.
  scripts/page.sh
  scripts/kafka/install.sh >/dev/null
  step "building"
  # As `make test` builds them: another selection has other features.
  cargo test --workspace --locked --no-run
  # Two at once: most of it is waiting.
  target/debug/chaos --form long --seed "$1" --at-once 2 --write docs/reliability.md
}

main "${1:-1}"
