#!/bin/sh
# Runs the agent on the Node that came with it, wherever the archive was unpacked.
home=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# It waits most of its life: what it throws away is collected by the megabyte, not by sixteen, its code is not compiled to
# be quick, and its threads share one heap of the C library (docs/decisions/0413).
if [ "$1" = run ]; then
  export MALLOC_ARENA_MAX=1
  exec "$home/bin/node" --max-semi-space-size=1 --optimize-for-size --no-opt --no-maglev "$home/lib/tidemark-agent.mjs" "$@"
fi
exec "$home/bin/node" --max-semi-space-size=1 "$home/lib/tidemark-agent.mjs" "$@"
