/** Somebody on the host who puts symbolic links where the provider works, in a loop, and the files that they lead to. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Files and a folder that nobody but their user may change. Needs root. */
export class Decoys {
  private constructor(
    readonly folder: string,
    /** To be linked to: each user's file, and the folder that it lies in; as their host names them. */
    readonly places: readonly string[],
  ) {}

  /** @param base the path by which the tests see the files of another host, and a folder there */
  static async make(
    users: Readonly<Record<string, User>>,
    base: readonly [root: string, folder: string] = ["", tmpdir()],
  ): Promise<Decoys> {
    const [root, within] = base;
    const folder = await mkdtemp(join(root, within, "pgi-decoys-"));
    const places: string[] = [];
    for (const [name, { uid, gid }] of Object.entries(users)) {
      const file = join(folder, name, "precious");
      await mkdir(join(folder, name));
      await writeFile(file, `of ${name}\n`);
      await chmod(file, 0o600);
      for (const path of [file, join(folder, name)]) await chown(path, uid, gid);
      places.push(...[file, join(folder, name)].map((path) => path.slice(root.length)));
    }
    await chmod(folder, 0o755);
    return new Decoys(folder, places);
  }

  /** Everything that must stay: what there is, whose, with which mode, times and bytes. */
  async seen(): Promise<Readonly<Record<string, string>>> {
    const names = await readdir(this.folder, { recursive: true });
    const lines = names.sort().map(async (name) => {
      const path = join(this.folder, name);
      const found = await lstat(path);
      const bytes = found.isFile() ? await readFile(path, "latin1") : "";
      const { mode, uid, gid, ino, ctimeMs } = found;
      return [name, [mode.toString(8), uid, gid, ino, ctimeMs, bytes].join(" ")] as const;
    });
    return Object.fromEntries(await Promise.all(lines));
  }

  dispose(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}

/**
 * Whatever is at one of the names is moved aside for a moment, and a link lies there instead; where nothing is, for the
 * same moment a link. It tells at its end how often.
 */
const program = String.raw`
use Time::HiRes "usleep";
my ($until, @decoys) = @ARGV;
$until += time;
chomp(my @names = <STDIN>);
my ($planted, $on) = (0, 1);
$SIG{TERM} = sub { $on = 0 };
while ($on && time < $until) {
  for my $path (@names) {
    my $aside = "$path.aside";
    my $moved = rename $path, $aside;
    if (symlink $decoys[$planted % @decoys], $path) { $planted++; usleep 300; unlink $path if -l $path; }
    rename $aside, $path if $moved;
    last if !$on;
    usleep 5000;
  }
}
print "$planted\n";
`;

/** A command that does so for some seconds; the names are lines of its input. */
export function planting(decoys: Decoys, seconds: number): [string, ...string[]] {
  return ["perl", "-e", program, String(seconds), ...decoys.places];
}

export interface Planter {
  /** @returns how many links there were */
  stop(): Promise<number>;
}

/** On this machine, until it is stopped. */
export function plantLinks(by: User, decoys: Decoys, names: readonly string[]): Planter {
  const [command, ...args] = planting(decoys, 60);
  const child = spawn(command, args, { cwd: "/", stdio: ["pipe", "pipe", "inherit"], ...by });
  // Not among its arguments: by them a test ends what works in a folder.
  child.stdin.end(names.join("\n"));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const ended = once(child, "close");
  return {
    async stop() {
      child.kill("SIGTERM");
      await ended;
      return Number(said);
    },
  };
}
