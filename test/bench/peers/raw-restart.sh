#!/bin/sh
# Restarts a server by PostgreSQL's own means.
# Usage: raw-restart.sh PROGRAMS DATA; environment: as for raw-create.sh
set -eu
exec ssh -F "$SSH_CONFIG" "$SSH_HOST" "cd / && $AS_OWNER sh -eus -- $*" <<'REMOTE'
{ "$1/pg_ctl" -D "$2" -l "$2.log" -m fast -w restart >/dev/null; }
REMOTE
