/**
 * Shell function `own_files FROM TO`, with $bin set: what lies in a data directory and is not made by PostgreSQL belongs
 * to its configuration: certificates, included files, lists of users. Logs, and what a running server leaves, do not.
 * TO may be a copy of the primary: what that brought under the same name gives way.
 */
export const ownFiles = `own_files() {
  logs=$("$bin/postgres" -D "$1" -C log_directory 2>/dev/null) || logs=log
  for file in "$1"/* "$1"/.[!.]*; do
    name=\${file##*/}
    [ -e "$file" ] && [ "$name" != "$logs" ] && [ "$file" != "$logs" ] || continue
    case $name in
      base | global | PG_VERSION | postmaster.* | *.signal | backup_label* | backup_manifest* | tablespace_map*) continue ;;
      log | current_logfiles* | lost+found) continue ;;
      pg_*) [ -f "$file" ] || continue ;;
    esac
    rm -rf "$2/$name" && cp -pR "$file" "$2/" || return 1
  done
}
`;
