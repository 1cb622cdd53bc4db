#!/usr/bin/env bash
# usage: build.sh   Builds the OpenTelemetry Collector from the Go modules pinned here (Go 1.26, some minutes the first time)
# and prints where it is.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(cd "$here/../.." && pwd)/.local/collector

command -v go >/dev/null || {
  echo "error: go is not installed; the Collector is built from its Go modules" >&2
  exit 1
}
mkdir -p "$folder"
(cd "$here" && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$folder/collector" .)
echo "$folder/collector"
