# What must be true of a running system, seen from outside.

gateway=http://127.0.0.1:8080
token=local-only

try_up() {
  up
  demo_has_ended
  conversations_are_served 5
  the_gateway_wants_a_token
  what_is_sent_to_the_intake_arrives
  ports_are_on_loopback
  containers_have_few_rights
  data_outlives_the_containers
}

try_observability() {
  docker run --rm -v "$root:/repo:ro" --entrypoint promtool "$(image_of prom/prometheus)" test rules /repo/tests/compose/alerts.yaml
  note "alerts fire for the first event of a counter too"
  start_parts kafka topics redis processor gateway intake prometheus
  local query=http://127.0.0.1:9090/api/v1
  await_that "Prometheus scrapes three services" targets_are_up 3
  [ "$(ask "$query/rules" | jq '[.data.groups[].rules[]] | length')" -gt 20 ]
  [ "$(ask "$query/rules" | jq '[.data.groups[].rules[] | select(.health == "err")] | length')" = 0 ]
  jq -r '.panels[].targets[]?.expr' helm/colloquy/files/dashboard.json | sed 's/\$__rate_interval/1m/g' | sort -u |
    while read -r expression; do
      curl -fsS "$query/query" --data-urlencode "query=$expression" | jq -e '.status == "success"' >/dev/null ||
        fail "the dashboard asks what Prometheus does not understand: $expression"
    done
  note "all rules and all queries of the dashboard are understood"
}

# Without an intake there is no key that names a project: the service's name does.
try_collector() {
  start_parts kafka topics redis processor gateway collector
  await_that "the Collector takes a span" send_span http://127.0.0.1:14318 by-collector
  await_that "a span sent to the Collector is a conversation" conversation_is_there shop by-collector
}

try_cluster() {
  # shellcheck disable=SC2046
  export $(grep -v '^#' deploy/compose/cluster.env)
  up --profile cluster
  demo_has_ended
  conversations_are_served 5
  "${compose[@]}" --profile cluster exec -T redis-cluster-1 redis-cli cluster info | grep cluster_state:ok
}

up() { "${compose[@]}" "$@" up --no-build -d >>"$log_dir/compose.log" 2>&1; }
start_parts() { "${compose[@]}" "${profiles[@]}" up --no-build -d "$@" >>"$log_dir/compose.log" 2>&1; }
ask() { curl -fsS --max-time 20 "$@"; }
container_of() { "${compose[@]}" "${profiles[@]}" ps -q "$1"; }

# await_that WHAT COMMAND...: repeats it for three minutes.
await_that() {
  local what=$1 deadline=$((SECONDS + 180))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || fail "did not come true: $what"
    sleep 1
  done
  note "$what"
}

demo_has_ended() {
  await_that "the demo has played" demo_exited
  [ "$(docker inspect -f '{{.State.ExitCode}}' "$(container_of demo)")" = 0 ]
}
demo_exited() { [ "$(docker inspect -f '{{.State.Status}}' "$(container_of demo)")" = exited ]; }

graphql() { ask "$gateway/graphql" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' --data "$(jq -n --arg query "$1" '{query: $query}')"; }
count_conversations() { graphql '{ conversations(first: 50) { nodes { id lastOutput } } }' | jq '.data.conversations.nodes | length'; }
has_conversations() { [ "$(count_conversations)" -ge "$1" ]; }
conversations_are_served() { await_that "at least $1 conversations are served" has_conversations "$1"; }

the_gateway_wants_a_token() {
  local answer
  answer=$(curl -sS "$gateway/graphql" -H 'Content-Type: application/json' --data '{"query":"{ conversations(first: 1) { nodes { id } } }"}')
  grep -q UNAUTHENTICATED <<<"$answer" || fail "without a token the gateway says: $answer"
  note "without a token nothing is served"
}

what_is_sent_to_the_intake_arrives() {
  send_span http://127.0.0.1:4318 by-intake
  await_that "a span sent to the intake is a conversation" conversation_is_there default by-intake
}

# send_span ADDRESS CONVERSATION: a model call as an SDK exports it, by OTLP with JSON.
send_span() {
  local now_s
  now_s=$(date +%s)
  ask "$1/v1/traces" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' --data @- >/dev/null <<JSON
{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"spans":[{
  "traceId":"$(openssl rand -hex 16)","spanId":"$(openssl rand -hex 8)","name":"chat gpt-4o","kind":3,
  "startTimeUnixNano":"${now_s}000000000","endTimeUnixNano":"${now_s}500000000","attributes":[
    {"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},{"key":"gen_ai.request.model","value":{"stringValue":"gpt-4o"}},
    {"key":"gen_ai.conversation.id","value":{"stringValue":"$2"}},
    {"key":"gen_ai.input.messages","value":{"stringValue":"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"Is it up?\"}]}]"}},
    {"key":"gen_ai.output.messages","value":{"stringValue":"[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"content\":\"It is.\"}]}]"}}]}]}]}]}
JSON
}
# conversation_is_there PROJECT CONVERSATION
conversation_is_there() {
  graphql "{ conversation(project: \"$1\", id: \"$2\") { firstInput lastOutput } }" |
    jq -e '.data.conversation == {"firstInput": "Is it up?", "lastOutput": "It is."}'
}

ports_are_on_loopback() {
  local ports
  ports=$(docker ps --format '{{.Ports}}' | grep -oE '[0-9.]*:[0-9-]+->' | sort -u)
  ! grep -v '^127\.0\.0\.1:' <<<"$ports" || fail "published beyond loopback: $ports"
  note "published on loopback only: $(tr '\n' ' ' <<<"$ports")"
}

containers_have_few_rights() {
  local service
  for service in processor gateway intake; do
    [ "$(docker inspect -f '{{.HostConfig.ReadonlyRootfs}} {{.Config.User}} {{.HostConfig.CapDrop}} {{.State.Health.Status}}' "$(container_of "$service")")" \
      = 'true 65532:65532 [ALL] healthy' ] || fail "$service has more rights than it needs, or is not healthy" "$(docker inspect "$(container_of "$service")")"
  done
  note "processor, gateway and intake are healthy, without rights, on a read-only file system"
}

data_outlives_the_containers() {
  local before
  before=$(count_conversations)
  "${compose[@]}" down --timeout 30 >>"$log_dir/compose.log" 2>&1
  start_parts kafka topics redis processor gateway intake
  conversations_are_served "$before"
}

targets_are_up() { [ "$(ask "http://127.0.0.1:9090/api/v1/targets" | jq '[.data.activeTargets[] | select(.health == "up")] | length')" -ge "$1" ]; }
