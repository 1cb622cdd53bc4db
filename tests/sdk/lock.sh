#!/usr/bin/env bash
# usage: lock.sh   Pins the newest releases of what python/locks/*.in and node/package.json name. Then run the test: what
# changed in what an SDK sends shows there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

uv=$(./install.sh uv)
for wanted in python/locks/*.in; do
  "$uv" pip compile --quiet --upgrade --no-header --no-annotate --python-version 3.11 "$wanted" -o "${wanted%.in}.txt"
done
npm install --prefix node --package-lock-only --no-audit --no-fund
