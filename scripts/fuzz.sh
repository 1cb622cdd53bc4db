#!/usr/bin/env bash
# `make fuzz`: runs every fuzz target for a while, from the recorded exports and what earlier runs found.
# usage: fuzz.sh [seconds per target, default 300]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=/dev/null
source scripts/lib/say.sh

main() {
  local seconds=${1:-300}
  cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
  rustup toolchain list | grep -q nightly || fail "fuzzing needs a nightly compiler" "Install it with:  rustup toolchain install nightly"
  seed_records
  seed_attributes
  cargo +nightly fuzz build --fuzz-dir fuzz --sanitizer none || fail "the fuzz targets do not build"
  for target in records attributes; do
    step "$target, $seconds s"
    mkdir -p "fuzz/corpus/$target" "fuzz/finds/$target"
    # An input that takes longer than 10 s or more than 2 GB is a find, too. Without a sanitizer for memory: our code has
    # no unsafe block, and is tried several times as often in the same time.
    cargo +nightly fuzz run --fuzz-dir fuzz --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/finds/$target" -- \
      -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -len_control=0 \
      || fail "'$target' found something" "Move the input from fuzz/artifacts/$target to fuzz/finds/$target, where cargo test replays it, and mend the cause"
  done
}

# Each recorded folder is one input, and each of its files another. What the letters and the delimiter mean is said in
# fuzz/src/records.rs.
seed_records() {
  local corpus=fuzz/corpus/records folder file kind
  mkdir -p "$corpus"
  for folder in schemas/examples/captured/*/; do
    : >"$corpus/$(basename "$folder")"
    for file in "$folder"*; do
      case $file in
        *.traces.pb) kind=p ;;
        *.traces.json) kind=j ;;
        *.logs.pb) kind=l ;;
        *.envelope.raw) kind=e ;;
        *) continue ;;
      esac
      { printf '%s' "$kind"; cat "$file"; } | tee "$corpus/$(basename "$folder").$(basename "$file")" >>"$corpus/$(basename "$folder")"
      printf '\xff\xfe--' >>"$corpus/$(basename "$folder")"
    done
  done
}

# Beginnings with dozens of edits each: grown from nothing, inputs would stay at one or two for long.
seed_attributes() {
  local corpus=fuzz/corpus/attributes number
  mkdir -p "$corpus"
  for number in {1..40}; do
    [ -e "$corpus/seed-$number" ] || head -c $((number * 50)) /dev/urandom >"$corpus/seed-$number"
  done
}

main "$@"
