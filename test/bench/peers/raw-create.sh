#!/bin/sh
# Creates an instance as a careful person would with ssh and PostgreSQL's own programs: a new connection, initdb with its
# sync, the settings, `pg_ctl -w start`, a query to verify. It keeps no lock, leaves a half-made directory when it is
# interrupted, and does not sync postgresql.conf.
# Usage: raw-create.sh PROGRAMS DATA PORT SOCKETS
# Environment: SSH_CONFIG and SSH_HOST for ssh, AS_OWNER such as "sudo -n -u postgres"
set -eu
exec ssh -F "$SSH_CONFIG" "$SSH_HOST" "cd / && $AS_OWNER sh -eus -- $*" <<'REMOTE'
{
  bin=$1 data=$2 port=$3 sockets=$4
  umask 077
  "$bin/initdb" --username=postgres --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
    --data-checksums --no-instructions -D "$data" >/dev/null
  cat >>"$data/postgresql.conf" <<CONF
port = $port
unix_socket_directories = '$sockets'
work_mem = 8MB
CONF
  "$bin/pg_ctl" -D "$data" -l "$data.log" -w start >/dev/null
  [ "$("$bin/psql" -XAtq -h "$sockets" -p "$port" -U postgres -d postgres -c 'SHOW work_mem')" = 8MB ]
}
REMOTE
