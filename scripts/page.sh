#!/usr/bin/env bash
# Builds the page in services/web, which the gateway takes in when it is built. Does nothing when it is up to date.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
for part in say page; do
  # shellcheck source=/dev/null
  source "scripts/lib/$part.sh"
done

build_page
