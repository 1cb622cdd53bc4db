# What the commands need on a machine. What is missing is installed from Debian's packages; nothing is upgraded.
# Rust is the exception: rustup is the user's to install, and rust-version in Cargo.toml says which release.

# One line per need: a command that shows it is there, and the package that brings it.
requirements() {
  cat <<'NEEDS'
cc|build-essential
make|build-essential
pkg-config|pkg-config
curl|curl
redis-server|redis-server
redis-cli|redis-tools
java|default-jdk-headless
mvn|maven
ss|iproute2
setsid|util-linux
python3|python3
node|nodejs
npm|npm
NEEDS
  # Virtual environments for the SDKs under test and for the tests of the Helm chart.
  printf '%s\n' 'module ensurepip|python3-venv'
  # Headers of the C libraries that librdkafka is built with.
  printf '%s\n' 'header openssl/ssl.h|libssl-dev' 'header zlib.h|zlib1g-dev'
}

has_requirement() {
  case $1 in
    module\ *) python3 -c "import ${1#module }" >/dev/null 2>&1 ;;
    header\ *) echo "#include <${1#header }>" | cc -E - >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

# install_requirements [COMMAND|PACKAGE...]: the needs that all commands have, and those given.
install_requirements() {
  command -v cargo >/dev/null 2>&1 ||
    fail "cargo is not installed" "Colloquy is written in Rust: install it from https://rustup.rs and run this again."
  local missing=() need package
  while IFS='|' read -r need package; do
    has_requirement "$need" || missing+=("$package")
  done < <(requirements && printf '%s\n' "$@" | sed '/^$/d')
  [ ${#missing[@]} -gt 0 ] || return 0
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

  command -v apt-get >/dev/null 2>&1 ||
    fail "not installed: ${missing[*]} (Debian's package names)" "Install them with this system's package manager and run this again."
  step "installing ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 ||
      fail "installing ${missing[*]} needs root" "Run this once, then start again:  su -c 'apt-get install ${missing[*]}'"
    as_root=(sudo)
  fi
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND="$DEBIAN_FRONTEND" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  case " ${missing[*]} " in
    # Debian starts and enables Redis on 6379 when it installs it. We start our own; this one was not asked for.
    *\ redis-server\ *) stop_redis_service "${as_root[@]}" ;;
  esac
}

stop_redis_service() {
  if [ -d /run/systemd/system ]; then
    "$@" systemctl disable --now --quiet redis-server.service || true
  elif [ -x /etc/init.d/redis-server ]; then
    "$@" /etc/init.d/redis-server stop >/dev/null 2>&1 || true
    "$@" update-rc.d redis-server disable >/dev/null 2>&1 || true
  fi
}
