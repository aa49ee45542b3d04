/** Between the two renames of a switch there is a moment without a link; whoever starts a server or moves again ends it. */
export const mend = `mend() {
  for old in "$data/pg_wal.old" "$data"/pg_tblspc/*.old; do
    [ -e "$old" ] || [ -L "$old" ] || continue
    [ -e "\${old%.old}" ] || [ -L "\${old%.old}" ] || mv "$old" "\${old%.old}"
  done
}
`;

/**
 * Shell functions for directories beyond the two of an instance, with $data and $own set. What is ours there is noted in
 * `outside` before it is made, a line each: `made DIR`, which was not there; `wal DIR`, which pg_wal leads to; `copy wal
 * DIR` and `copy tablespace DIR`, which a move is filling, or has left; `space DIR`, which a base backup is filling. Only what PostgreSQL itself put into them is ever
 * removed.
 */
export const outside = `notes=$own/outside
noted() { grep -Fxq -- "$1" "$notes" 2>/dev/null; }
note() {
  noted "$1" && return
  { cat "$notes" 2>/dev/null; printf '%s\\n' "$1"; } >"$notes.new" || return
  sync "$notes.new" 2>/dev/null || sync
  mv -f "$notes.new" "$notes"
}
unnote() {
  noted "$1" || return 0
  grep -Fxv -- "$1" "$notes" >"$notes.new"
  if [ -s "$notes.new" ]; then mv -f "$notes.new" "$notes"; else rm -f "$notes.new" "$notes"; fi
}
make() {
  up=$1
  while [ ! -d "$up" ]; do note "made $up" || return; up=$(dirname "$up"); done
  mkdir -p "$1"
}
# The folder of this major and catalog version in a tablespace's directory; $1 is where pg_control is.
folder() { echo "PG_$(cat "$1/PG_VERSION")_$(od -An -tu4 -j12 -N4 "$1/global/pg_control" | tr -d ' ')"; }
empty_wal() {
  find "$1" -mindepth 1 -maxdepth 1 \\( -name '[0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F]*' \\
    -o -name archive_status -o -name summaries -o -name 'xlogtemp.*' -o -name 'RECOVERY*' \\) -exec rm -rf {} + 2>/dev/null
}
unmake() {
  up=$1
  while noted "made $up"; do
    rmdir "$up" 2>/dev/null || [ ! -d "$up" ] || break
    unnote "made $up"; up=$(dirname "$up")
  done
}
# Where a link leads, in full; a directory is where it is.
place() {
  leads=$(readlink "$1") || leads=$1
  case $leads in /*) ;; *) leads=$(cd -P "$1" && pwd -P) ;; esac
  echo "\${leads%/}"
}
# A directory for the WAL of what is being made: begun, kept before it is published and after, given up. Without one
# nothing is done. One that was kept is never emptied: its data directory may have been moved away by hand.
begin_wal() {
  [ -n "$1" ] || return 0
  ! noted "copy wal $1" || empty_wal "$1"
  [ -z "$(ls -A "$1" 2>/dev/null)" ] || { echo "$1 is not empty" >&2; return 1; }
  note "copy wal $1" && make "$1"
}
keep_wal() { [ -z "$1" ] || note "wal $1"; }
kept_wal() { [ -z "$1" ] || unnote "copy wal $1"; }
give_up_wal() { [ -z "$1" ] || { empty_wal "$1"; unmake "$1"; unnote "copy wal $1"; unnote "wal $1"; }; }
# Of a base backup that is not published: notes tell of it until it is whole, its links from then on.
begin_space() {
  [ -z "$(ls -A "$1" 2>/dev/null)" ] || { echo "$1 is not empty" >&2; return 1; }
  note "space $1" && make "$1"
}
kept_space() { unnote "space $1"; }
give_up_spaces() {
  { sed -n 's/^space //p' "$notes" 2>/dev/null; for link in "$own"/new/pg_tblspc/*; do [ ! -L "$link" ] || readlink "$link"; done; } |
    while IFS= read -r dir; do rm -rf "$dir"/PG_*; unmake "$dir"; unnote "space $dir"; done
}
flush() { sync -f "$1" 2>/dev/null || sync; }
${mend}`;
