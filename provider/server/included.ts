import { CommandError } from "../errors";
import { sectionFunction, sections } from "../host/shell";
import { bytesToText } from "../postgresql/conf";
import { type ConfFiles, type ConfTree, type Included, noFiles, readConfTree } from "../postgresql/conf-tree";
import { refuseUnreadable, taking } from "./readable";
import { describe, type Target } from "./target";

/** postgresql.conf with all that it includes: one more round trip for each level of nesting, none where there is nothing. */
export async function readIncluded(target: Target, file: string, text: string): Promise<ConfTree> {
  let files: ConfFiles = noFiles;
  let tree = readConfTree(file, text, files);
  while (tree.missing.length > 0) {
    files = await fetch(target, tree.missing, files);
    tree = readConfTree(file, text, files);
  }
  return tree;
}

async function fetch(target: Target, wanted: readonly Included[], known: ConfFiles): Promise<ConfFiles> {
  const output = sections();
  const { host, owner } = target;
  const args = wanted.flatMap(({ directive, path }) => [directive, path]);
  const result = await host.run({ name: "includes", script, args: [output.nonce, ...args], user: owner });
  const parts = output.parse(result.stdout);
  if (!parts.has("end")) {
    throw new CommandError(
      `cannot read what postgresql.conf of ${describe(target)} includes: ${result.stderr.trim()}`,
      {
        command: "includes",
        exitCode: result.exitCode,
        stderr: result.stderr,
      },
    );
  }
  const texts = new Map(known.texts);
  const directories = new Map(known.directories);
  for (const { directive, path } of wanted) {
    if (directive === "include_dir") directories.set(path, []);
    else texts.set(path, "");
  }
  for (const [section, content] of parts) {
    const [kind = "", ...rest] = section.split(" ");
    const name = bytesToText(rest.join(" "));
    if (kind === "file") texts.set(name, content.toString("latin1"));
    if (kind === "directory") directories.set(name, content.toString("utf8").split("\n").filter(Boolean));
  }
  refuseUnreadable(target, parts.get("troubles")?.toString("utf8") ?? "", texts);
  return { texts, directories };
}

/**
 * The files of a directory in the order of their bytes, hidden ones and directories left out: GetConfFilesInDir() in
 * conffiles.c.
 */
const script = `${sectionFunction}${taking}LC_ALL=C
show_file() { section "file $1"; take "$1"; }
is_there() { [ ! -d "$1" ] && { [ -e "$1" ] || [ -L "$1" ]; }; }
while [ $# -gt 0 ]; do
  kind=$1 path=$2; shift 2
  case $kind in
    include) show_file "$path" ;;
    include_if_exists) [ ! -e "$path" ] || show_file "$path" ;;
    *) section "directory $path"
      if [ ! -d "$path" ]; then { [ -e "$path" ] || [ -L "$path" ]; } && trouble folder "$path"; continue; fi
      ls "$path" >/dev/null || trouble denied "$path"
      for file in "$path"/*.conf; do is_there "$file" && echo "$file"; done
      for file in "$path"/*.conf; do is_there "$file" && show_file "$file"; done ;;
  esac
done
section troubles; troubles
section end
`;
