#!/bin/sh
# Many instances, some at a time, each by raw-create.sh over a connection of its own.
# Usage: raw-create-many.sh WIDTH, with the arguments of raw-create.sh on standard input, a line each
# Environment: as for raw-create.sh
set -eu
exec xargs -P "$1" -L 1 "$(dirname "$0")/raw-create.sh"
