#!/usr/bin/env bash
# usage: record.sh   Tries a real OpenTelemetry Collector (build.sh) with every configuration of docs/collector, and keeps
# what it wrote to Kafka in recorded/. Run it after a change of those configurations or of go.mod.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
binary=$(tests/collector/build.sh)
for configuration in docs/collector/*.yaml deploy/collector/*.yaml; do
  "$binary" validate --config "$configuration"
done
scripts/kafka/install.sh >/dev/null
COLLECTOR=$binary cargo test --workspace --locked --test e2e_sdk -- --ignored a_real_collector_gives_the_same_conversations
