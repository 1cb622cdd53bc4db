# The services of `make up` in start order. A service NAME has start_NAME, and ready_NAME which waits until it serves.

services=(redis kafka processor gateway intake)
data_dir=$root/.local/data
bin_dir=$root/target/release

start_redis() {
  mkdir -p "$data_dir/redis"
  start redis redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --dir "$data_dir/redis" \
    --appendonly yes --appendfsync everysec --save '' --loglevel warning
}
ready_redis() { await 15 redis "it answered" redis-cli -p "$REDIS_PORT" ping; }

start_kafka() { start kafka "$root/scripts/kafka/server.sh" "$data_dir/kafka" "$KAFKA_PORT" "$KAFKA_CONTROLLER_PORT"; }
ready_kafka() {
  await 90 kafka "its port was open" bash -c "exec 3<>/dev/tcp/127.0.0.1/$KAFKA_PORT"
  attended "$bin_dir/play" topics --brokers "127.0.0.1:$KAFKA_PORT"
}

start_processor() { start processor "$bin_dir/processor" run --config "$root/colloquy.toml"; }
ready_processor() { await 60 processor "it was ready" curl -fsS "http://127.0.0.1:$PROCESSOR_PROBE_PORT/ready"; }

start_gateway() { start gateway "$bin_dir/gateway" run --config "$root/colloquy.toml"; }
ready_gateway() { await 60 gateway "it was ready" curl -fsS "http://127.0.0.1:$GATEWAY_PROBE_PORT/ready"; }

start_intake() { start intake "$bin_dir/intake" run --config "$root/colloquy.toml"; }
ready_intake() { await 60 intake "it was ready" curl -fsS "http://127.0.0.1:$INTAKE_PROBE_PORT/ready"; }

# The services read these over what colloquy.toml says.
service_environment() {
  export COLLOQUY_KAFKA__BROKERS="[\"127.0.0.1:$KAFKA_PORT\"]"
  export COLLOQUY_REDIS__URLS="[\"redis://127.0.0.1:$REDIS_PORT\"]"
  export COLLOQUY_GATEWAY__BIND="127.0.0.1:$GATEWAY_PORT"
  export COLLOQUY_GATEWAY__PROBES_BIND="127.0.0.1:$GATEWAY_PROBE_PORT"
  export COLLOQUY_PROCESSOR__PROBES_BIND="127.0.0.1:$PROCESSOR_PROBE_PORT"
  export COLLOQUY_INTAKE__HTTP_BIND="127.0.0.1:$INTAKE_HTTP_PORT"
  export COLLOQUY_INTAKE__GRPC_BIND="127.0.0.1:$INTAKE_GRPC_PORT"
  export COLLOQUY_INTAKE__PROBES_BIND="127.0.0.1:$INTAKE_PROBE_PORT"
}

# Newest first, so that nothing loses what it writes to. Thirty seconds are more than a processor's drain deadline.
stop_services() {
  local index
  for ((index = ${#services[@]} - 1; index >= 0; index--)); do
    is_running "${services[index]}" && note "stopping ${services[index]}"
    stop "${services[index]}" 30
  done
}
