#!/bin/sh
# Prints what there is to know of each instance: whether it runs, its files, its control data, and what the server says.
# Usage: raw-read.sh PROGRAMS DATA PORT SOCKETS [PROGRAMS DATA PORT SOCKETS ...]; environment: as for raw-create.sh
set -eu
exec ssh -F "$SSH_CONFIG" "$SSH_HOST" "cd / && $AS_OWNER sh -eus -- $*" <<'REMOTE'
while [ $# -gt 0 ]; do
  bin=$1 data=$2 port=$3 sockets=$4
  shift 4
  cat "$data/PG_VERSION" "$data/postmaster.pid" "$data/postgresql.conf" "$data/postgresql.auto.conf"
  "$bin/pg_controldata" -D "$data"
  "$bin/psql" -XAtq -h "$sockets" -p "$port" -U postgres -d postgres <<SQL
SELECT version(), pg_is_in_recovery();
SELECT name, setting FROM pg_settings WHERE pending_restart;
SELECT sourcefile, sourceline, name, setting, applied, error FROM pg_file_settings;
SELECT datcollate, datctype, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'template1';
SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres';
SQL
done
REMOTE
