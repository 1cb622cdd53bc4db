#!/usr/bin/env bash
# Installs what the examples of docs/graphql.md need into .local/examples, once per version of the lists. Needs Python and Node.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lists=$root/tests/examples
target=$root/.local/examples
installed=$(cat "$lists/requirements.txt" "$lists/package.json" "$lists/package-lock.json" | sha256sum)
[ "$installed" != "$(cat "$target/installed" 2>/dev/null)" ] || exit 0

rm -rf "$target" && mkdir -p "$target"
python3 -m venv "$target/venv"
"$target/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$lists/requirements.txt"
cp "$lists/package.json" "$lists/package-lock.json" "$target/"
(cd "$target" && npm ci --silent --no-fund --no-audit)
echo "$installed" >"$target/installed"
