#!/usr/bin/env bash
# usage: record.sh   Builds the OpenTelemetry Collector from the Go modules pinned here (Go 1.26, some minutes the first time),
# tries it with every configuration of docs/collector, and keeps what it wrote to Kafka in recorded/. Run it after a
# change of those configurations or of go.mod.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
binary=$root/.local/collector/collector

mkdir -p "$(dirname "$binary")"
(cd "$here" && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$binary" .)
for configuration in "$root"/docs/collector/*.yaml "$root"/deploy/collector/*.yaml; do
  "$binary" validate --config "$configuration"
done
"$root/scripts/kafka/install.sh" >/dev/null
cd "$root"
COLLECTOR=$binary cargo test --workspace --locked --test e2e_sdk -- --ignored a_real_collector_gives_the_same_conversations
