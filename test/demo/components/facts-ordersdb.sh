#!/bin/sh
# Which role the database node of this server has, as JSON: asked of the node itself, configured nowhere.
root=$(cd "$(dirname "$0")/../../.." && pwd)
root=${root%/}
TIDEMARK_ROOT=$root exec "$root/opt/orders-db/current/bin/orders-db" role
