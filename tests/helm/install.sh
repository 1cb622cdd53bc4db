#!/usr/bin/env bash
# usage: install.sh   Installs what the tests of the chart need into .local/helm, once per version of the list.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
venv=.local/helm
list=tests/helm/requirements.txt

# One at a time: `make test` begins this early, and waits here for its end.
mkdir -p .local
exec 9>.local/helm.lock
flock 9
if ! cmp -s "$list" "$venv/installed.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$list"
  cp "$list" "$venv/installed.txt"
fi
