#!/usr/bin/env bash
# usage: server.sh DATA_DIR PORT CONTROLLER_PORT
#
# Becomes a Kafka broker, one node unless told otherwise (KRaft, broker and controller in one process) on loopback, sized for a small machine.
# DATA_DIR is formatted on first use and reused afterwards.
#
# Tests ask for more by variables. KAFKA_BEHIND_PROXY=LISTEN:ADVERTISED adds a listener for clients that come by a proxy on the
# port ADVERTISED and shall not find past it. KAFKA_NODE_ID, KAFKA_VOTERS and KAFKA_REPLICATION make it one of several.
set -euo pipefail

data=$1 port=$2 controller_port=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
libs=$("$here/install.sh")
mkdir -p "$data"

node_id=${KAFKA_NODE_ID:-1} replication=${KAFKA_REPLICATION:-1}
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
advertised=PLAINTEXT://127.0.0.1:$port
if [ -n "${KAFKA_BEHIND_PROXY:-}" ]; then
  listeners+=,PROXIED://127.0.0.1:${KAFKA_BEHIND_PROXY%:*}
  advertised+=,PROXIED://127.0.0.1:${KAFKA_BEHIND_PROXY#*:}
fi

cat >"$data/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=$node_id
controller.quorum.voters=${KAFKA_VOTERS:-1@127.0.0.1:$controller_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
listeners=$listeners
advertised.listeners=$advertised
log.dirs=$data/log

# On one node, internal topics cannot have more than one replica; few partitions start faster than fifty.
offsets.topic.replication.factor=$replication
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=$replication
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=$replication
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
# Consumers start at once instead of waiting for others to join.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

# Topics are created by name with their settings; a misspelt one is an error, not a new topic.
auto.create.topics.enable=false
num.partitions=6
# A span with a long history reaches some megabytes.
message.max.bytes=16777216
replica.fetch.max.bytes=16777216

num.network.threads=2
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=16777216
log.segment.bytes=67108864
log.retention.hours=168
PROPERTIES

# Serial collection and the first compiler tier only: start-up time and memory matter here, peak throughput does not.
java=(java -Xms128m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError
  -Djava.awt.headless=true -Dlog4j2.configurationFile="$here/log4j2.properties" -cp "$libs/*")

if [ ! -e "$data/log/meta.properties" ]; then
  # Formatting wants any cluster id in this form; a fixed one lets the same data folder be opened again.
  "${java[@]}" kafka.tools.StorageTool format --ignore-formatted \
    --cluster-id Y29sbG9xdXktbG9jYWwta2Fma2E --config "$data/server.properties" >"$data/format.log" 2>&1 ||
    { cat "$data/format.log" >&2; exit 1; }
fi
exec "${java[@]}" kafka.Kafka "$data/server.properties"
