/**
 * Shell functions that find clusters of the user who runs them, whoever made them, and call `show_instance DATA
 * [CONFIGURATION NAME]` for each, which one that is found twice does not mind. `show_others`: Debian's, by their
 * configuration; those that run, by the folder their postmaster works in; and those at the usual places of packages and
 * pglift. With the functions of files.ts. `show_others_below FOLDER DEPTH`, where IFS is a newline and names are not expanded.
 */
export const othersFunctions = `
is_own_cluster() { [ -O "$1" ] && [ -f "$1/PG_VERSION" ] && [ -f "$1/global/pg_control" ]; }
# What a step of ours is making is none yet.
show_other() { case $1 in *.pginstance/*) ;; *) show_instance "$@" ;; esac; }
show_others() {
  for conf in /etc/postgresql/*/*/postgresql.conf; do
    place=$(located data_directory "$conf")
    name=\${conf%/postgresql.conf}
    ! is_own_cluster "$place" || show_instance "$place" "$conf" "\${name##*/}"
  done
  for place in /proc/[0-9]*/cwd; do
    is_own_cluster "$place" && read -r first <"$place/postmaster.pid" || continue
    [ "$place" != "/proc/$first/cwd" ] || show_other "$(cd -P "$place" && pwd -P)"
  done
  for place in /var/lib/postgresql/*/* /var/lib/pgsql/*/data /srv/pgsql/*/*/data "$(cd && pwd)"/.local/share/pglift/srv/pgsql/*/*/data; do
    ! is_own_cluster "$place" || show_instance "$place"
  done
}
show_others_below() {
  for file in $(find "$1" -maxdepth "$2" -type f -name PG_VERSION -print | sort); do
    place=\${file%/PG_VERSION}
    ! is_own_cluster "$place" || show_other "$place"
  done
}
`;
