# A Docker engine for this test alone: its own socket, data and network, stopped by its pid.

export DOCKER_HOST=unix://$work/docker.sock DOCKER_BUILDKIT=1
# Debian's client, which knows its engine's builder; a newer one elsewhere on the path wants a plugin.
export PATH=/usr/bin:$PATH

install_engine() {
  local missing=() need
  for need in dockerd:docker.io docker-compose:docker-compose debootstrap:debootstrap jq:jq openssl:openssl; do
    command -v "${need%%:*}" >/dev/null || missing+=("${need##*:}")
  done
  [ ${#missing[@]} -eq 0 ] || apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

start_engine() {
  ! docker info >/dev/null 2>&1 || return 0
  step "starting a Docker engine"
  setsid nice -n 5 dockerd --data-root "$work/docker" --exec-root "$work/exec" -H "$DOCKER_HOST" -p "$work/dockerd.pid" \
    >"$log_dir/dockerd.log" 2>&1 </dev/null &
  local deadline=$((SECONDS + 60))
  until docker info >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || fail "the Docker engine did not start" "see $log_dir/dockerd.log"
    sleep 0.5
  done
}

stop_engine() {
  [ -e "$work/dockerd.pid" ] || return 0
  local pid deadline=$((SECONDS + 60))
  pid=$(cat "$work/dockerd.pid")
  kill -TERM "$pid" 2>/dev/null || return 0
  while [ -d "/proc/$pid" ] && [ $SECONDS -lt $deadline ]; do sleep 0.2; done
}
