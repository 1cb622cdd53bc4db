#!/usr/bin/env bash
# The documents that are made from code, and what others say about metrics and settings.
# usage: docs.sh write|check [FOLDER]   FOLDER: where the programs are, target/debug unless it is given
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=/dev/null
source scripts/lib/say.sh
programs=${2:-target/debug}
services=(processor gateway intake)
alerts=helm/colloquy/files/alerts.yaml
dashboard=helm/colloquy/files/dashboard.json

main() {
  [ -x "$programs/processor" ] || fail "$programs has no programs" "Build them:  cargo test --workspace --locked --no-run"
  case ${1:-} in
    write) configuration >docs/configuration.md; metrics >docs/metrics.md ;;
    check)
      up_to_date configuration
      up_to_date metrics
      names_exist
      alarms_are_explained
      versions_agree
      ;;
    *) fail "what shall be done?" "usage: docs.sh write|check [FOLDER]" ;;
  esac
}

configuration() {
  cat <<'HEAD'
# Configuration

<!-- Made by scripts/docs.sh from the code: change the comments there. -->

One TOML file for all services, given by `--config` or `COLLOQUY_CONFIG`; each reads its sections. An environment variable goes
over it: `COLLOQUY_`, the section, two underscores, the key, with two underscores for each dot. So `limits.depth_max` of
`[gateway]` is `COLLOQUY_GATEWAY__LIMITS__DEPTH_MAX`. Lists and tables are written as in TOML.

A key or section that does not exist is an error, and all errors are reported at once: `processor config check`. `config print` shows
the effective values and where each comes from. Times are milliseconds, sizes bytes, as the names say.

HEAD
  "$programs/processor" reference config
  local service
  for service in "${services[@]}"; do
    [ "$service" = processor ] || "$programs/$service" reference config "$service"
  done
}

metrics() {
  cat <<'HEAD'
# Metrics

<!-- Made by scripts/docs.sh from the code: change the descriptions there. -->

Each service serves them at `/metrics` of its probes port, in Prometheus' text format. A histogram `name` has the series `name_bucket`,
`name_sum` and `name_count`. All services have `build_info{service, version}` and the usual `process_…` as well.

HEAD
  local service
  for service in "${services[@]}"; do
    printf '## %s\n\n' "$service"
    "$programs/$service" reference metrics
    printf '\n'
  done
}

up_to_date() {
  diff -u "docs/$1.md" <("$1") >&2 || fail "docs/$1.md is not what the code says" "Write it anew:  scripts/docs.sh write"
}

# Alerts and dashboard name only metrics that exist, and the alerts only labels that Prometheus can have.
names_exist() {
  local known name unknown=()
  known=$(for service in "${services[@]}"; do "$programs/$service" reference metrics; done | sed -n 's/^| `\([a-z_]*\)`.*/\1/p')
  [ "$(wc -l <<<"$known")" -gt 30 ] || fail "the services name hardly any metrics"
  while read -r name; do
    grep -qx -e "$name" -e "${name%_bucket}" -e "${name%_sum}" -e "${name%_count}" <<<"$known" || unknown+=("$name")
  done < <(grep -ohE "\b($(IFS='|'; echo "${services[*]}"))_[a-z_]+\b" "$alerts" "$dashboard" | sort -u)
  [ ${#unknown[@]} -eq 0 ] || fail "alerts or dashboard name metrics that no service has: ${unknown[*]}"
}

# Each alert has its paragraph in the operator's guide, and no paragraph outlives its alert.
alarms_are_explained() {
  diff <(sed -n 's/^ *- alert: //p' "$alerts" | sort) <(sed -n 's/^### \(Colloquy\)/\1/p' docs/operations.md | sort) >&2 ||
    fail "docs/operations.md does not explain the alerts of $alerts (< missing there, > no such alert)"
}

# One version everywhere.
versions_agree() {
  local version found
  version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
  for found in \
    "$(sed -n 's/^version: //p' helm/colloquy/Chart.yaml)" \
    "$(sed -n 's/^appVersion: "\(.*\)"/\1/p' helm/colloquy/Chart.yaml)" \
    "$(sed -n 's/^  "version": "\(.*\)",/\1/p' services/web/package.json)" \
    $(sed -n 's/.*COLLOQUY_VERSION:-\([^}]*\)}.*/\1/p' docker-compose.yml); do
    [ "$found" = "$version" ] || fail "Cargo.toml has version $version, and the chart, the page or docker-compose.yml has '$found'"
  done
  grep -q "^## \[$version\] - 20" CHANGELOG.md || fail "CHANGELOG.md has no section for version $version"
  found=$(sed -n 's/.*apache\/kafka:${KAFKA_VERSION:-\([^}]*\)}.*/\1/p' docker-compose.yml | sort -u)
  version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' scripts/kafka/pom.xml)
  [ "$found" = "$version" ] || fail "tests run Kafka $version and docker-compose.yml $found"
}

main "$@"
