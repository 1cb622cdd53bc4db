#!/bin/sh
# What the real image's /etc/kafka/docker/run does with the environment: KAFKA_LOG_DIRS becomes log.dirs, and so on.
set -eu
config=/mnt/shared/config/server.properties
env | grep '^KAFKA_' | grep -v '^KAFKA_HEAP_OPTS=' | while IFS='=' read -r name value; do
  echo "$(echo "${name#KAFKA_}" | tr 'A-Z_' 'a-z.')=$value"
done >"$config"
/opt/kafka/bin/run-class.sh kafka.tools.StorageTool format --ignore-formatted --cluster-id "$CLUSTER_ID" --config "$config"
exec /opt/kafka/bin/run-class.sh kafka.Kafka "$config"
