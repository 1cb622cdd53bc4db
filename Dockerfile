# One file for every image: docker build --target processor|gateway|intake|demo .
# Pinned by tag; for builds that are the same to the byte give digests:  --build-arg RUST_IMAGE=rust@sha256:…

ARG NODE_IMAGE=node:22.21.1-bookworm-slim
ARG RUST_IMAGE=rust:1.95.0-bookworm
# glibc, libgcc, OpenSSL and root certificates; no shell, no package manager. User 65532.
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot
# The stage with /programs; an image instead of it brings programs that were built elsewhere.
ARG PROGRAMS=build

# The page. What is copied first changes least, so that `npm ci` is done again only for another lock file.
FROM ${NODE_IMAGE} AS page
WORKDIR /src/services/web
COPY services/web/package.json services/web/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY schemas/graphql /src/schemas/graphql
COPY services/web ./
RUN npm run build

# All programs in one go: they share nearly all dependencies. The caches outlive the layer, so that only what changed is
# compiled again, with another lock file too. Programs are copied out, since a cache is no part of the image.
FROM ${RUST_IMAGE} AS build
# The runtime image has OpenSSL but no zlib. Line tables are for developers: without them the programs are a third as large.
ENV LIBZ_SYS_STATIC=1 CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_STRIP=symbols
# Kernels for ARM may have larger pages than the one that builds; jemalloc runs on smaller ones than it was built for.
ENV AARCH64_UNKNOWN_LINUX_GNU_JEMALLOC_SYS_WITH_LG_PAGE=16
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY schemas schemas
COPY services services
COPY tests tests
COPY --from=page /src/services/web/dist services/web/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bins \
 && mkdir /programs \
 && find target/release -maxdepth 1 -type f -executable -exec cp {} /programs/ \;

FROM ${PROGRAMS} AS programs

FROM ${RUNTIME_IMAGE} AS base
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
# A file that is mounted here goes under the environment: see colloquy.toml.
WORKDIR /etc/colloquy
# Containers have an address of their own; who reaches it is decided by what is published.
ENV COLLOQUY_LOG__FORMAT=json
LABEL org.opencontainers.image.title="Colloquy" \
      org.opencontainers.image.description="GenAI spans from Kafka become conversations, live" \
      org.opencontainers.image.licenses="Apache-2.0"
STOPSIGNAL SIGTERM

FROM base AS processor
COPY --from=programs /programs/processor /usr/local/bin/processor
ENV COLLOQUY_PROCESSOR__PROBES_BIND=0.0.0.0:9464
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 CMD ["/usr/local/bin/processor", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/processor"]
CMD ["run"]

FROM base AS gateway
COPY --from=programs /programs/gateway /usr/local/bin/gateway
# Not on loopback, so it refuses to start without COLLOQUY_GATEWAY__TOKENS.
ENV COLLOQUY_GATEWAY__BIND=0.0.0.0:8080 COLLOQUY_GATEWAY__PROBES_BIND=0.0.0.0:9102
EXPOSE 8080 9102
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["/usr/local/bin/gateway", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/gateway"]
CMD ["run"]

FROM base AS intake
COPY --from=programs /programs/intake /usr/local/bin/intake
# Not on loopback, so it refuses to start without COLLOQUY_INTAKE__KEYS.
ENV COLLOQUY_INTAKE__HTTP_BIND=0.0.0.0:4318 COLLOQUY_INTAKE__GRPC_BIND=0.0.0.0:4317 COLLOQUY_INTAKE__PROBES_BIND=0.0.0.0:9465
EXPOSE 4318 4317 9465
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["/usr/local/bin/intake", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/intake"]
CMD ["run"]

# Plays conversations into Kafka: the scripted ones (`demo`), the recorded exports of real SDKs (`captured`), or a load.
FROM base AS demo
COPY --from=programs /programs/play /usr/local/bin/play
COPY schemas/examples/captured /src/schemas/examples/captured
ENTRYPOINT ["/usr/local/bin/play"]
CMD ["demo"]
