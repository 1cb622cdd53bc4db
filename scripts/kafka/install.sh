#!/usr/bin/env bash
# Fetches the Kafka broker's jars with Maven, once a version, and prints the folder they are in.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")
home=$root/.local/kafka/$version
libs=$home/libs

if [ ! -e "$home/complete" ]; then
  # A copy that was cut off leaves no mark, so the next run starts over instead of running half a broker.
  rm -rf "$libs" && mkdir -p "$libs"
  echo "fetching Apache Kafka $version (45 MB) with Maven" >&2
  mvn -B -q -Dstyle.color=never -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$libs" >&2
  touch "$home/complete"
fi
echo "$libs"
