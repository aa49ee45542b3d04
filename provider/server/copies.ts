import type { Session } from "../host/session";
import { stateDirectory, type Target } from "./target";

/**
 * Shell functions that keep and bring back the configuration, with $data and $own set. Three copies:
 * `previous`, from before a write that no server has taken yet; `started`, which the running server is known to have
 * started with; `refused`, what was in place when one of these came back, so that nothing anybody wrote is lost.
 */
export const copies = `identity() { sed -n '1p;3p' "$data/postmaster.pid" 2>/dev/null | tr '\\n' ' '; }
keep() {
  rm -rf "$own/$1.new" && mkdir "$own/$1.new" || return 1
  cp -p "$data/postgresql.conf" "$data/postgresql.auto.conf" "$own/$1.new/" || return 1
  [ ! -e "$own/originals.json" ] || cp -p "$own/originals.json" "$own/$1.new/" || return 1
  [ "$1" != started ] || identity >"$own/$1.new/postmaster" || return 1
  rm -rf "$own/$1" && mv "$own/$1.new" "$own/$1"
}
put_back() {
  [ -d "$own/$1" ] && keep refused || return 1
  for file in postgresql.conf postgresql.auto.conf; do
    cp -p "$own/$1/$file" "$data/$file.new" && mv -f "$data/$file.new" "$data/$file" || return 1
  done
  if [ -e "$own/$1/originals.json" ]; then
    cp -p "$own/$1/originals.json" "$own/originals.json.new" && mv -f "$own/originals.json.new" "$own/originals.json"
  else rm -f "$own/originals.json"; fi
  rm -rf "$own/unapplied" "$own/previous"
}
`;

/** What a write replaced is of no use once the server has proved what it wrote; also after a run that died in between. */
export function forgetPrevious(session: Session): Promise<void> {
  return session.remove("previous");
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
