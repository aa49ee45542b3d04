/**
 * Where the configuration lies: in the data directory, or, of an instance that was taken over, where its server was told
 * to look (`config_file` on its last command line), or where Debian's postgresql-common has it. Nobody has to remember it.
 * https://www.postgresql.org/docs/current/runtime-config-file-locations.html
 *
 * A shell function, with $data set: `locate` sets $conf, $hba and $ident, and $elsewhere to $conf where a server must be
 * told of it.
 */
export const locate = `locate() {
  conf=$data/postgresql.conf elsewhere= opts=
  { read -r opts; } 2>/dev/null <"$data/postmaster.opts"
  case $opts in *config[-_]file=/*) elsewhere=\${opts##*config[-_]file=} elsewhere=\${elsewhere%%\\"*} ;; esac
  [ -f "$elsewhere" ] && [ "$elsewhere" != "$conf" ] || elsewhere=
  [ -n "$elsewhere" ] || [ -e "$conf" ] || for file in /etc/postgresql/*/*/postgresql.conf; do
    [ "$(located data_directory "$file")" != "$data" ] || { elsewhere=$file; break; }
  done 2>/dev/null
  [ -z "$elsewhere" ] || conf=$elsewhere
  hba= ident=
  if [ -f "$conf" ] && grep -qi '^[[:blank:]]*\\(hba\\|ident\\)_file' "$conf" 2>/dev/null; then
    hba=$(located '[Hh][Bb][Aa]_[Ff][Ii][Ll][Ee]' "$conf") ident=$(located '[Ii][Dd][Ee][Nn][Tt]_[Ff][Ii][Ll][Ee]' "$conf")
  fi
  hba=\${hba:-$data/pg_hba.conf} ident=\${ident:-$data/pg_ident.conf}
}
# The last line wins. Not every sed can leave case aside. A path that is not absolute depends on where the server was started.
located() {
  sed -n "s/^[[:blank:]]*$1[[:blank:]]*=\\{0,1\\}[[:blank:]]*'\\{0,1\\}\\(\\/[^'#]*[^'#[:blank:]]\\).*/\\1/p" "$2" | tail -n 1
}
`;
