#!/bin/sh
# Runs the command line on the Node that came with the project, from wherever it is called.
home=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
exec "$home/node_modules/.bin/node" "$home/dist/tidemark.mjs" "$@"
