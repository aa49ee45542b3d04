#!/bin/sh
# Changes one setting that takes a reload, and returns when the server has it. The file is replaced whole and synced; a
# value that the server refuses is left in it.
# Usage: raw-configure.sh PROGRAMS DATA PORT SOCKETS SETTING VALUE; environment: as for raw-create.sh
set -eu
exec ssh -F "$SSH_CONFIG" "$SSH_HOST" "cd / && $AS_OWNER sh -eus -- $*" <<'REMOTE'
{
  bin=$1 data=$2 port=$3 sockets=$4 setting=$5 value=$6
  umask 077
  sed "s/^#*$setting = .*/$setting = $value/" "$data/postgresql.conf" >"$data/postgresql.conf.new"
  sync "$data/postgresql.conf.new"
  mv "$data/postgresql.conf.new" "$data/postgresql.conf"
  "$bin/pg_ctl" -D "$data" reload >/dev/null
  tries=0
  while [ "$("$bin/psql" -XAtq -h "$sockets" -p "$port" -U postgres -d postgres -c "SHOW $setting")" != "$value" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ]
    sleep 0.02
  done
}
REMOTE
