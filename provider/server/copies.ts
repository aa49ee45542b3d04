import type { Session } from "../host/session";
import { locate } from "./files";
import { stateDirectory, type Target } from "./target";

/**
 * Shell functions that keep and bring back the configuration, with $data and $own set. Three copies:
 * `previous`, from before a write that no server has taken yet; `started`, which the running server is known to have
 * started with; `refused`, what was in place when one of these came back, so that nothing anybody wrote is lost.
 */
export const copies = `${locate}files="postgresql.conf postgresql.auto.conf pg_hba.conf pg_ident.conf"
file_place() {
  case $1 in postgresql.conf) echo "$conf" ;; pg_hba.conf) echo "$hba" ;; pg_ident.conf) echo "$ident" ;; *) echo "$data/$1" ;; esac
}
identity() { sed -n '1p;3p' "$data/postmaster.pid" 2>/dev/null | tr '\\n' ' '; }
keep() {
  rm -rf "$own/$1.new" && mkdir "$own/$1.new" || return 1
  locate
  for file in $files; do
    spot=$(file_place "$file")
    [ ! -e "$spot" ] || cp -p "$spot" "$own/$1.new/$file" || return 1
  done
  [ ! -e "$own/originals.json" ] || cp -p "$own/originals.json" "$own/$1.new/" || return 1
  [ "$1" != started ] || identity >"$own/$1.new/postmaster" || return 1
  rm -rf "$own/$1" && mv "$own/$1.new" "$own/$1"
}
put_back() {
  [ -d "$own/$1" ] && keep refused || return 1
  for file in $files; do
    [ -e "$own/$1/$file" ] || continue
    spot=$(file_place "$file")
    cp -p "$own/$1/$file" "$spot.new" && mv -f "$spot.new" "$spot" || return 1
  done
  if [ -e "$own/$1/originals.json" ]; then
    cp -p "$own/$1/originals.json" "$own/originals.json.new" && mv -f "$own/originals.json.new" "$own/originals.json"
  else rm -f "$own/originals.json"; fi
  rm -rf "$own/unapplied" "$own/previous"
}
`;

/**
 * Shell functions for whoever writes: `begin_write` before the first file, `note_write` (reload or restart) as soon as
 * one may have changed, `undo_write` where none was.
 */
export const writing = `${copies}flush() { sync "$@" 2>/dev/null || sync; }
publish() { flush "$1"; mv -f "$1" "$2"; }
begin_write() {
  running=$(identity)
  had=$(cat "$own/unapplied" 2>/dev/null)
  case $had in
    reload* | restart*) [ -d "$own/previous" ] || keep previous ;;
    *) keep previous || return 1
      [ -z "$running" ] || [ "$running" = "$(cat "$own/started/postmaster" 2>/dev/null)" ] || keep started ;;
  esac
}
note_write() { echo "$1 $running" >"$own/unapplied.new" && publish "$own/unapplied.new" "$own/unapplied"; }
undo_write() {
  case $had in reload* | restart*) ;; *) rm -rf "$own/previous" ;; esac
  if [ -n "$had" ]; then echo "$had" >"$own/unapplied.new" && publish "$own/unapplied.new" "$own/unapplied"
  else rm -f "$own/unapplied"; fi
}
`;

/** What a write replaced is of no use once the server has proved what it wrote; also after a run that died in between. */
export function forgetPrevious(session: Session): Promise<void> {
  return session.remove("previous");
}

/** Says what is so after a start that failed with what was written. */
export function backAsItWas(target: Target, outcome: string): string {
  return `the configuration is back as it was, pg_hba.conf included, ${outcome}. ${refusedFiles(target)}`;
}

/** Says where what was refused is. */
export function refusedFiles(target: Target): string {
  return `What was refused is kept in ${stateDirectory(target)}/refused.`;
}

/** The files that the last write replaced come back. False when there are none. */
export async function putBack(session: Session, target: Target): Promise<boolean> {
  const script = `data=$1 own=$2\n${copies}put_back previous`;
  const args = [target.dataDirectory, stateDirectory(target)];
  const result = await session.step({ name: "put back", script, args, seconds: 20 });
  return result.exitCode === 0;
}
