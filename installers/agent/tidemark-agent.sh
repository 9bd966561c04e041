#!/bin/sh
# Runs the agent on the Node that came with it, wherever the archive was unpacked.
home=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# It waits most of its life: what it throws away is collected by the megabyte, not by sixteen.
exec "$home/bin/node" --max-semi-space-size=1 "$home/lib/tidemark-agent.mjs" "$@"
