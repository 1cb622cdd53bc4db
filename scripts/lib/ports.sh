# Every address that `make up` listens on. All can be moved by an environment variable of the same name.

KAFKA_PORT=${KAFKA_PORT:-9092}
KAFKA_CONTROLLER_PORT=${KAFKA_CONTROLLER_PORT:-9093}
REDIS_PORT=${REDIS_PORT:-6379}
GATEWAY_PORT=${GATEWAY_PORT:-8080}
GATEWAY_PROBE_PORT=${GATEWAY_PROBE_PORT:-9102}
PROCESSOR_PROBE_PORT=${PROCESSOR_PROBE_PORT:-9464}
INTAKE_HTTP_PORT=${INTAKE_HTTP_PORT:-4318}
INTAKE_GRPC_PORT=${INTAKE_GRPC_PORT:-4317}
INTAKE_PROBE_PORT=${INTAKE_PROBE_PORT:-9465}

port_variables() {
  printf '%s\n' KAFKA_PORT KAFKA_CONTROLLER_PORT REDIS_PORT GATEWAY_PORT GATEWAY_PROBE_PORT PROCESSOR_PROBE_PORT \
    INTAKE_HTTP_PORT INTAKE_GRPC_PORT INTAKE_PROBE_PORT
}

# Which program listens on a port of loopback or of all addresses; empty when none does.
port_holder() {
  local listener program
  listener=$(ss -Hltnp "sport = :$1" 2>/dev/null | head -n 1)
  [ -n "$listener" ] || return 0
  program=$(sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p' <<<"$listener")
  # Another user's process shows without a name.
  echo "${program:-a program of another user}"
}

# Checks all ports before anything is started, and names all that are taken at once.
require_free_ports() {
  local variable holder taken=()
  while read -r variable; do
    holder=$(port_holder "${!variable}")
    [ -z "$holder" ] || taken+=("port ${!variable} is in use by $holder: choose another with  $variable=$((${!variable} + 10000)) make up")
  done < <(port_variables)
  [ ${#taken[@]} -eq 0 ] || fail "cannot start: ${#taken[@]} port(s) are taken" "${taken[@]}"
}
