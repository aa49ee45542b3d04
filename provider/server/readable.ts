import { InstanceStateError } from "../errors";
import { describe, type Target } from "./target";

/**
 * A configuration file that is there and cannot be read is not an empty one: whoever took it for that would call all its
 * lines lost, and write them over somebody's work.
 *
 * Shell functions: `take FILE` prints what is in a file, or nothing where there is none; `troubles` prints the files that
 * are there and could not be printed. One that goes meanwhile, as in a deletion that is under way, is none.
 */
export const taking = `taken=
trouble() { taken="$taken$1 $2
"; }
take() {
  if [ -f "$1" ] && [ -r "$1" ] && cat "$1"; then :
  elif [ -f "$1" ]; then trouble denied "$1"
  elif [ -d "$1" ]; then trouble directory "$1"
  elif [ -e "$1" ]; then trouble special "$1"
  elif [ -L "$1" ]; then trouble dangling "$1"
  else case $(ls -d "$1" 2>&1) in *'ermission denied'*) trouble denied "$1" ;; esac; fi
}
troubles() { printf '%s' "$taken"; }
`;

const kinds: Readonly<Record<string, (owner: string) => readonly [what: string, remedy: string]>> = {
  directory: () => ["is a directory", "Move it away, and put the file in its place"],
  folder: () => ["is no directory", "Put a directory in its place, or take the include_dir line away"],
  special: () => ["is no regular file", "Put a regular file in its place"],
  dangling: () => [
    "is a symbolic link to nothing",
    "Put back the file that it leads to, or a file in its place",
  ],
  denied: (owner) => [`cannot be read by ${owner}`, `Give it back to ${owner} (chown, chmod u+r)`],
  binary: () => ["is no text: there is a NUL byte in it", "Put the file back from a copy"],
};

/**
 * @param troubled what `troubles` printed
 * @param texts what was read, by path
 */
export function refuseUnreadable(target: Target, troubled: string, texts: ReadonlyMap<string, string>): void {
  const binary = [...texts].flatMap(([path, text]) => (text.includes("\0") ? [`binary ${path}`] : []));
  const [first] = [...troubled.split("\n").filter(Boolean), ...binary];
  if (first === undefined) return;
  const [, kind = "", path = ""] = /^(\S+) (.*)$/s.exec(first) ?? [];
  const [what, remedy] = kinds[kind]?.(target.owner) ?? ["cannot be read", "Look at it"];
  throw new InstanceStateError(`${describe(target)}: ${path} ${what}. Nothing was changed.`, {
    hint: `${remedy}, and run this again.`,
  });
}
