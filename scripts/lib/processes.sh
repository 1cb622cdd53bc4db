# Starting and stopping background processes. Each runs in a session of its own, so that Ctrl-C reaches only the script
# and everything is stopped in order. A pid file holds the pid and when that process started: a pid that the system
# gave to another program since is never signalled.

run_dir=$root/.local/run
log_dir=$run_dir/log

# Ticks since boot at which a process started; empty when there is none.
process_start() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

# start NAME COMMAND...: runs COMMAND in the background, its output in a log of its own.
start() {
  local name=$1
  shift
  mkdir -p "$log_dir"
  setsid "$@" >"$log_dir/$name.log" 2>&1 </dev/null &
  write_pid_file "$name" $!
}

write_pid_file() {
  mkdir -p "$run_dir"
  echo "$2 $(process_start "$2")" >"$run_dir/$1.pid"
}

# The pid of a process that was started under this name and still runs; empty otherwise.
pid_of() {
  local pid started
  read -r pid started 2>/dev/null <"$run_dir/$1.pid" || return 0
  [ -n "$pid" ] && [ "$(process_start "$pid")" = "$started" ] || return 0
  # A process that ended but was not waited for still has an entry.
  [ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -c 1)" != Z ] || return 0
  echo "$pid"
}

is_running() { [ -n "$(pid_of "$1")" ]; }

# stop NAME SECONDS: asks the process and its children to end, and kills what has not ended in time.
stop() {
  local name=$1 pid deadline=$((SECONDS + $2))
  pid=$(pid_of "$name")
  if [ -n "$pid" ]; then
    kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
    while is_running "$name" && [ $SECONDS -lt $deadline ]; do sleep 0.1; done
    if is_running "$name"; then
      note "$name did not stop within $2 s and is killed"
      kill -KILL -- "-$pid" 2>/dev/null || true
    fi
  fi
  rm -f "$run_dir/$name.pid"
}

# await SECONDS NAME WHAT COMMAND...: repeats COMMAND until it succeeds. Ends the script when the process NAME dies or
# time runs out, with the end of its log.
await() {
  local deadline=$((SECONDS + $1)) name=$2 what=$3
  shift 3
  until "$@" >/dev/null 2>&1; do
    is_running "$name" || give_up "$name" "ended before $what"
    [ $SECONDS -lt $deadline ] || give_up "$name" "took too long until $what"
    sleep 0.2
  done
}

give_up() {
  local log=$log_dir/$1.log
  printf 'error: %s %s; the end of %s:\n' "$1" "$2" "$log" >&2
  tail -n 20 "$log" | sed 's/^/       /' >&2 || true
  exit 1
}
