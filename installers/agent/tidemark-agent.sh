#!/bin/sh
# Runs the agent on the Node that came with it, wherever the archive was unpacked.
home=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
exec "$home/bin/node" "$home/lib/tidemark-agent.mjs" "$@"
