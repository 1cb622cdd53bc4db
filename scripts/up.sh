#!/usr/bin/env bash
# `make up`: the whole system on this machine, with demo conversations, until Ctrl-C.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
for part in say requirements ports processes services; do
  # shellcheck source=/dev/null
  source "scripts/lib/$part.sh"
done

main() {
  if is_running up; then
    step "already running (pid $(pid_of up)); 'make down' stops it"
    # Those of that run, whose ports may have been moved.
    cat "$run_dir/addresses" 2>/dev/null || note "it is still starting"
    return
  fi
  install_requirements
  # What an earlier run left behind after it was killed.
  stop_services
  require_free_ports
  make_pid=$PPID
  make_caught_interrupts=$(make_catches_interrupts)
  write_pid_file up $$
  rm -f "$run_dir/addresses"
  trap 'shut_down' EXIT
  trap 'exit 0' INT TERM HUP

  attended scripts/page.sh
  step "building (the first time takes some minutes)"
  attended cargo build --release --locked --bins
  start_services
  play_demos
  print_addresses | tee "$run_dir/addresses"
  stream_logs
}

# Runs a long command so that a signal ends it at once: bash runs a trap only between foreground commands.
attended() {
  setsid "$@" &
  attended_pid=$!
  wait "$attended_pid"
  attended_pid=
}

start_services() {
  local service
  service_environment
  rm -rf "$log_dir"
  for service in "${services[@]}"; do
    step "starting $service"
    "start_$service"
    "ready_$service"
  done
}

# Recorded exports are the same spans each time, so a data folder gets them once; scripted chats are new at every start.
play_demos() {
  local brokers=127.0.0.1:$KAFKA_PORT
  if [ ! -e "$data_dir/captured" ]; then
    step "playing the recorded conversations of $(find schemas/examples/captured -mindepth 1 -maxdepth 1 -type d | wc -l) SDK set-ups"
    attended "$bin_dir/play" captured --brokers "$brokers"
    touch "$data_dir/captured"
  fi
  step "playing live demo conversations in the background (half a minute)"
  start demo "$bin_dir/play" demo --brokers "$brokers"
}

print_addresses() {
  local gateway=127.0.0.1:$GATEWAY_PORT
  cat <<ADDRESSES

    Conversations  http://$gateway/

    GraphiQL       http://$gateway/graphiql
    GraphQL        http://$gateway/graphql   (WebSocket: ws://$gateway/graphql, graphql-transport-ws)
    OTLP           OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:$INTAKE_HTTP_PORT   (gRPC: http://127.0.0.1:$INTAKE_GRPC_PORT)
    Sentry         SENTRY_DSN=http://colloquy@127.0.0.1:$INTAKE_HTTP_PORT/1
    Kafka          127.0.0.1:$KAFKA_PORT   (OTLP protobuf to topic otlp_spans)
    Redis          127.0.0.1:$REDIS_PORT
    Logs           $log_dir

ADDRESSES
}

# Prints all logs with the name of their service until a signal comes or a service dies.
stream_logs() {
  local service
  step "streaming logs; Ctrl-C stops everything"
  for service in "${services[@]}" demo; do
    tail -n +1 -F --pid=$$ "$log_dir/$service.log" 2>/dev/null | sed -u "s/^/$(printf '%-10s' "$service")| /" &
  done
  while make_waits; do
    for service in "${services[@]}"; do
      is_running "$service" || { stopped_by_itself "$service"; return 1; }
    done
    sleep 1 &
    wait $! || true
  done
}

stopped_by_itself() {
  printf 'error: %s stopped by itself; its log is %s\n' "$1" "$log_dir/$1.log" >&2
}

# False once make is gone or has caught a SIGINT: it then waits for this script, without passing the signal on. A terminal
# signals the whole process group, `kill -INT` of make alone does not.
make_waits() {
  [ -d "/proc/$make_pid" ] && [ "$(make_catches_interrupts)" = "$make_caught_interrupts" ]
}

# Make puts its own handler away when the signal comes. Started in the background of a shell, it never had one.
make_catches_interrupts() {
  local mask
  mask=$(sed -n 's/^SigCgt:\t*//p' "/proc/$make_pid/status" 2>/dev/null)
  echo $(((16#${mask:-0} & 2) != 0))
}

shut_down() {
  local code=$?
  trap '' INT TERM HUP
  step "stopping"
  [ -z "${attended_pid:-}" ] || kill -TERM -- "-$attended_pid" 2>/dev/null || true
  stop demo 5
  stop_services
  rm -f "$run_dir/up.pid"
  step "stopped"
  exit "$code"
}

main "$@"
