/**
 * Shell function `own_files FROM TO`, with $logs set to `log_directory`: what lies in a data directory and is not made by
 * PostgreSQL belongs to its configuration: certificates, included files, lists of users. Logs, and what a running server
 * leaves, do not. What TO has under the same name gives way.
 */
export const ownFiles = `own_files() {
  for file in "$1"/* "$1"/.[!.]*; do
    name=\${file##*/}
    [ -e "$file" ] && [ "$file" != "$logs" ] || continue
    case $name in
      base | global | PG_VERSION | pg_commit_ts | pg_dynshmem | pg_logical | pg_multixact | pg_notify | pg_replslot) continue ;;
      pg_serial | pg_snapshots | pg_stat | pg_stat_tmp | pg_subtrans | pg_tblspc | pg_twophase | pg_wal* | pg_xact) continue ;;
      "$logs" | log | lost+found | current_logfiles* | pg_upgrade_output.d) continue ;;
      postmaster.* | *.signal | backup_label* | backup_manifest* | tablespace_map*) continue ;;
    esac
    rm -rf "$2/$name" && cp -pR "$file" "$2/" || return 1
  done
}
`;

/** Shell: $logs as the configuration in $data says, with $bin set. */
export const findLogs = 'logs=$("$bin/postgres" -D "$data" -C log_directory 2>/dev/null) || logs=log\n';
