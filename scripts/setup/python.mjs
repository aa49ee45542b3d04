/** Python programs that the benchmark runs beside ours, each in a virtual environment of its own. Starts on Node 20. */
import { createHash } from "node:crypto";
import { delimiter, join } from "node:path";
import { cacheDirectory, once } from "./cache.mjs";
import { asServerUser } from "./postgresql.mjs";
import { mustRun, run } from "./run.mjs";

/**
 * Installs packages from PyPI into the cache; `{ python, versions }`, the versions by package. Programs of them run as
 * `python -m module`: those in `bin` name the folder in which the environment was made, not where it is.
 */
export async function obtainPython(packages, say = () => {}) {
  const interpreter = await findInterpreter();
  const hash = createHash("sha256")
    .update([interpreter, ...packages].join("\n"))
    .digest("hex");
  const directory = join(cacheDirectory(), `python-${hash.slice(0, 16)}`);
  await once(directory, async (temporary) => {
    say(`Installing ${packages.join(" ")} from PyPI`);
    await mustRun(interpreter, ["-m", "venv", temporary]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    await mustRun(join(temporary, "bin", "python"), [...pip, ...packages]);
    await mustRun("chmod", ["-R", "a+rX", temporary]);
  });
  const python = join(directory, "bin", "python");
  const names = packages.map((specifier) => specifier.replace(/[^\w-].*/, ""));
  const script =
    "import json, sys, importlib.metadata as m; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))";
  const { stdout } = await mustRun(python, ["-c", script, ...names]);
  return { python, versions: JSON.parse(stdout) };
}

/** The servers' user runs it too, so one in somebody's home will not do. */
async function findInterpreter() {
  const onPath = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  for (const folder of ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", ...onPath]) {
    const python = join(folder, "python3");
    const { code } = await run(python, ["-c", "import ensurepip, venv"], { cwd: "/", ...asServerUser() });
    if (code === 0) return python;
  }
  throw new Error("no Python 3 that makes virtual environments: install python3-venv, as Debian calls it");
}
