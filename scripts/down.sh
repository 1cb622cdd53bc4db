#!/usr/bin/env bash
# `make down`: stops what `make up` started, from another terminal or after it was killed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
for part in say ports processes services; do
  # shellcheck source=/dev/null
  source "scripts/lib/$part.sh"
done

if is_running up; then
  step "asking 'make up' (pid $(pid_of up)) to stop"
  kill -TERM "$(pid_of up)"
  # It stops each service in turn, with up to 30 s for each.
  deadline=$((SECONDS + 180))
  while is_running up && [ $SECONDS -lt $deadline ]; do sleep 0.2; done
fi
stop demo 5
stop_services
rm -f "$run_dir/up.pid"
step "nothing of 'make up' is running"
