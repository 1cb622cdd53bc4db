#!/usr/bin/env bash
# usage: tethered.sh COMMAND...   (standard input: a pipe that the starter holds open)
#
# Becomes COMMAND, under the same pid. When the pipe closes, because the starter ended in whatever way, COMMAND is
# killed and the folder in TETHER_REMOVES, if any, is removed: a test run that is killed leaves nothing behind.
set -euo pipefail

command_pid=$$
exec 3<&0
(
  watcher_pid=$BASHPID
  cat <&3 >/dev/null
  # If COMMAND has ended already, this process has been given another parent and its old pid is someone else's.
  if [ "$(ps -o ppid= -p "$watcher_pid" | tr -d ' ')" = "$command_pid" ]; then
    kill -KILL "$command_pid"
  fi
  [ -z "${TETHER_REMOVES:-}" ] || rm -rf "$TETHER_REMOVES"
) >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null
