#!/bin/sh
# @PRODUCT@: start, stop and status as init scripts have them (LSB exit codes).
set -u
root=${TIDEMARK_ROOT:-}
root=${root%/}
home=$root/opt/@PRODUCT@/current
node=$root/usr/bin/node
pidfile=$root/run/@PRODUCT@.pid
log=$root/var/log/@PRODUCT@.log

# A pid may belong to somebody else by now: only our own program counts. One that has ended has no command line.
alive() { tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF "$root/opt/@PRODUCT@/"; }

running() {
  pid=$(cat "$pidfile" 2>/dev/null) || return 1
  alive "$pid"
}

# Waits up to $1 tenths of a second until the rest of the arguments succeed.
within() {
  tenths=$1
  shift
  while [ "$tenths" -gt 0 ]; do
    "$@" && return 0
    sleep 0.1
    tenths=$((tenths - 1))
  done
  return 1
}

started_or_dead() { running || ! kill -0 "$child" 2>/dev/null; }

gone() { ! alive "$pid"; }

case ${1:-} in
start)
  running && exit 0
  mkdir -p "$root/run" "$root/var/log"
  rm -f "$pidfile"
  # A session of its own: it lives on when the one that started it ends. It writes the pid file once it listens.
  TIDEMARK_ROOT=$root setsid "$node" "$home/lib/main.mjs" </dev/null >>"$log" 2>&1 &
  child=$!
  within 100 started_or_dead
  if ! running; then
    echo "@PRODUCT@ does not listen; the end of $log:" >&2
    tail -n 5 "$log" >&2
    exit 1
  fi
  ;;
stop)
  running || exit 0
  kill "$pid" 2>/dev/null
  if ! within 100 gone; then
    echo "@PRODUCT@ does not end after 10 s: killed" >&2
    kill -9 "$pid" 2>/dev/null
  fi
  rm -f "$pidfile"
  ;;
status)
  if running; then
    echo "@PRODUCT@ is running (pid $pid)"
  else
    echo "@PRODUCT@ is not running"
    exit 3
  fi
  ;;
handover | is-standby | role)
  exec "$node" "$home/lib/control.mjs" "$1"
  ;;
*)
  echo "usage: @PRODUCT@ start|stop|status" >&2
  exit 2
  ;;
esac
