#!/usr/bin/env bash
# `make compose-test`: builds the images and runs docker-compose.yml as it stands, on a Docker engine of its own and
# stand-ins for the base images (bases.sh), and looks at the result from outside. Needs root; the first run takes about half
# an hour, since all programs are built in release mode. Logs are kept in .local/compose/log.
# With PROGRAMS=folder the programs are taken from there instead of being built.
# usage: run.sh [all|bases|images|up|observability|collector|cluster|stop]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
work=$root/.local/compose
log_dir=$work/log
compose=(docker-compose)
for part in scripts/lib/say.sh tests/compose/engine.sh tests/compose/bases.sh tests/compose/checks.sh; do
  # shellcheck source=/dev/null
  source "$part"
done

main() {
  mkdir -p "$log_dir"
  install_engine
  case ${1:-all} in
    all) start_engine; make_bases; make_images; try up; try observability; try collector; try cluster; stop_engine ;;
    bases) start_engine; make_bases ;;
    images) start_engine; make_bases; make_images ;;
    up | observability | collector | cluster) start_engine; try "$1" ;;
    stop) stop_engine ;;
    *) fail "unknown part '$1'" "usage: run.sh [all|bases|images|up|observability|collector|cluster|stop]" ;;
  esac
  step "PASSED: ${1:-all}"
}

# The images as the compose file names them, from the Dockerfile as it stands.
make_images() {
  local target arguments=()
  if [ -n "${PROGRAMS:-}" ]; then
    make_programs "$PROGRAMS"
    arguments=(--build-arg PROGRAMS=colloquy-test/programs --build-arg RUNTIME_IMAGE=colloquy-test/runtime)
  fi
  for target in processor gateway intake demo; do
    step "building $target"
    docker build --network host "${arguments[@]}" --target "$target" -t "$(image_of "colloquy/$target")" . >"$log_dir/build-$target.log" 2>&1 ||
      fail "the image of $target does not build" "see $log_dir/build-$target.log"
  done
  docker images --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep '^colloquy/' | tee "$log_dir/images.txt"
}

# One way of running it: up, looked at, down again with its volumes.
try() {
  step "$1"
  local status
  # Not in a condition: there, bash would go on after a check that failed.
  set +e
  (set -e; "try_$1")
  status=$?
  set -e
  gather_logs "$1"
  down
  [ "$status" = 0 ] || fail "'$1' failed" "see $log_dir/$1.log"
}

gather_logs() { "${compose[@]}" "${profiles[@]}" logs --no-color >"$log_dir/$1.log" 2>&1; }
down() { "${compose[@]}" "${profiles[@]}" down --volumes --timeout 30 >/dev/null 2>&1; }
profiles=(--profile collector --profile observability --profile cluster)

main "$@"
