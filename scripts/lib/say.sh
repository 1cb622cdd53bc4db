# Output of the scripts: steps on standard output, trouble on standard error.

step() { printf '==> %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }

# Says what is wrong and what to do, and ends the script.
fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  local line
  for line in "$@"; do printf '       %s\n' "$line" >&2; done
  exit 1
}
