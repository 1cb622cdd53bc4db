# Stand-ins for the base images of Dockerfile and docker-compose.yml, for machines that cannot pull: Debian by debootstrap,
# this machine's Rust and Node, Kafka's jars, Debian's Redis and Prometheus, a Collector of its Go modules. Each gets the real image's name, so that
# the real files are built and run as they are. What they cannot show is said in tests/compose/README.md.

# The default of a variable in a file of the repository: `ARG NAME=value` or `${NAME:-value}`.
pinned() { sed -n "s/^ARG $1=//p" Dockerfile; }
compose_images() { "${compose[@]}" --profile collector --profile observability --profile cluster config | sed -n 's/^ *image: //p' | sort -u; }
image_of() { compose_images | grep "^$1:"; }

make_bases() {
  local distroless
  distroless=$(pinned RUNTIME_IMAGE)
  make_debian
  make_base "$distroless" <<'DOCKERFILE'
FROM colloquy-test/debian
RUN apt-get update && apt-get install -y --no-install-recommends libssl3 libgcc-s1 ca-certificates
# The real one has neither shell nor tools. What is left is what it has: glibc, libgcc, OpenSSL, certificates.
RUN rm -rf /bin/* /sbin/* /usr/sbin/* /usr/bin/*
USER 65532:65532
DOCKERFILE
  make_toolchain_base "$(pinned RUST_IMAGE)" "$(rustc --print sysroot)" <<'DOCKERFILE'
FROM colloquy-test/debian
RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ make pkg-config libssl-dev perl
COPY tool /usr/local/rust
ENV PATH=/usr/local/rust/bin:/usr/bin:/bin CARGO_HOME=/usr/local/cargo
DOCKERFILE
  make_base "$(pinned NODE_IMAGE)" "$(readlink -f "$(command -v node)")" "$(realpath "$(dirname "$(readlink -f "$(command -v npm)")")/..")" <<'DOCKERFILE'
FROM colloquy-test/debian
RUN apt-get update && apt-get install -y --no-install-recommends libstdc++6
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
DOCKERFILE
  make_base "$(image_of apache/kafka)" "$(scripts/kafka/install.sh)" "$(kafka_tools)" tests/compose/kafka <<'DOCKERFILE'
FROM colloquy-test/debian
RUN apt-get update && apt-get install -y --no-install-recommends openjdk-17-jre-headless
COPY libs tools /opt/kafka/libs/
COPY kafka /opt/kafka
RUN useradd --uid 1000 appuser && install -d -o appuser /var/lib/kafka/data /mnt/shared/config
VOLUME /var/lib/kafka/data
USER appuser
CMD ["/opt/kafka/run.sh"]
DOCKERFILE
  make_base "$(image_of redis)" <<'DOCKERFILE'
FROM colloquy-test/debian
RUN apt-get update && apt-get install -y --no-install-recommends redis-server && install -d -o redis /data
VOLUME /data
WORKDIR /data
# As the real one: protected mode is off, since containers are reached by others only.
ENTRYPOINT ["/bin/sh", "-c", "exec \"$@\" --protected-mode no --bind '* -::*'", "--"]
DOCKERFILE
  make_base "$(image_of prom/prometheus)" <<'DOCKERFILE'
FROM colloquy-test/debian
RUN apt-get update && apt-get install -y --no-install-recommends prometheus && install -d -o nobody /prometheus
USER nobody
ENTRYPOINT ["/usr/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
DOCKERFILE
  # Same entry point, user and folder as the real one, and of its parts those that our configuration names.
  local collector
  collector=$(image_of otel/opentelemetry-collector-contrib)
  has_image "$collector" || make_base "$collector" "$(tests/collector/build.sh)" <<'DOCKERFILE'
FROM scratch
COPY collector /otelcol-contrib
USER 10001:10001
ENTRYPOINT ["/otelcol-contrib"]
CMD ["--config", "/etc/otelcol-contrib/config.yaml"]
DOCKERFILE
}

# The command-line tools are a jar of their own, which `make up` does without.
kafka_tools() {
  local version
  version=$(image_of apache/kafka | cut -d : -f 2)
  [ ! -e "$work/tools/kafka-tools-$version.jar" ] || { echo "$work/tools"; return; }
  mvn -B -q dependency:copy -Dartifact="org.apache.kafka:kafka-tools:$version" -DoutputDirectory="$work/tools" >&2
  echo "$work/tools"
}

# Programs of this machine as an image, and a runtime image with the library that those have and images do without.
make_programs() {
  local folder=$work/programs
  rm -rf "$folder" && mkdir -p "$folder"
  cp "$1/processor" "$1/gateway" "$1/intake" "$1/play" "$folder/"
  docker rmi -f colloquy-test/programs >/dev/null 2>&1 || true
  make_base colloquy-test/programs "$folder" <<<$'FROM scratch\nCOPY programs /programs'
  make_base colloquy-test/runtime /lib/x86_64-linux-gnu/libz.so.1 <<DOCKERFILE
FROM $(pinned RUNTIME_IMAGE)
COPY libz.so.1 /lib/x86_64-linux-gnu/libz.so.1
DOCKERFILE
}

make_debian() {
  ! has_image colloquy-test/debian || return 0
  local root=$work/debian
  [ -e "$work/debian.complete" ] || {
    step "debootstrap"
    rm -rf "$root"
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root" >"$work/debootstrap.log" 2>&1 ||
      fail "debootstrap failed" "see $work/debootstrap.log"
    # Whom this machine trusts, the builds in its containers trust.
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    touch "$work/debian.complete"
  }
  tar -C "$root" -c . | docker import \
    --change 'ENV DEBIAN_FRONTEND=noninteractive SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' \
    - colloquy-test/debian >/dev/null
}

has_image() { [ -n "$(docker images -q "$1")" ]; }

# make_base TAG [FOLDER...]: builds the Dockerfile on standard input with the folders in its context.
make_base() {
  local tag=$1 context
  shift
  if has_image "$tag"; then cat >/dev/null; return; fi
  step "stand-in for $tag"
  context=$(mktemp -d "$work/context.XXXX")
  cat >"$context/Dockerfile"
  local folder
  for folder in "$@"; do cp -rL "$folder" "$context/$(basename "$folder")"; done
  docker build --network host -q -t "$tag" "$context" >/dev/null
  rm -rf "$context"
}

# make_toolchain_base TAG FOLDER: like make_base, with a large folder as `tool`, without its documentation.
make_toolchain_base() {
  local tag=$1 folder=$2
  if has_image "$tag"; then cat >/dev/null; return; fi
  step "stand-in for $tag from $folder"
  local context
  context=$(mktemp -d "$work/context.XXXX")
  cat >"$context/Dockerfile"
  tar -c -C "$context" Dockerfile -C "$folder" --transform 's:^\./:tool/:' ./bin ./lib | docker build --network host -q -t "$tag" - >/dev/null
  rm -rf "$context"
}
