/** The Pulumi engine: the one on PATH, a cached one, the official installer's, or built from Go modules. Starts on Node 20. */
import { constants, existsSync } from "node:fs";
import { access, chmod, copyFile, readdir, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cacheDirectory, once } from "./cache.mjs";
import { environment, mustRun, root, run, timed } from "./run.mjs";

const version = "3.259.0";
/** The last language host that is part of a module which the Go proxy serves; it runs today's programs. */
const languageHostVersion = "3.67.0";
/** `read` may return inputs since: without that, drift shows no properties. */
const oldestVersion = [3, 216];

const languageHost = "pulumi-language-nodejs";
/** Starts dynamic providers. It comes with the npm package, and the engine looks for it beside itself. */
const launcher = "pulumi-resource-pulumi-nodejs";

/** `{ pulumi, directory, version, source }`; `say` is told what takes time. */
export async function obtainPulumi(say = console.log) {
  const found = await findOnPath();
  if (found) return found;

  const directory = join(cacheDirectory(), `engine-v${version}`);
  let source = "cached";
  if (!(await complete(directory))) {
    await rm(directory, { recursive: true, force: true });
    await once(directory, async (temporary) => {
      if (await install(temporary, say)) {
        source = "official installer";
      } else {
        await build(temporary, say);
        source = "built from Go modules";
      }
    });
  }
  await addLauncher(directory);
  return { pulumi: join(directory, "pulumi"), directory, version, source };
}

const runnable = (file) =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  );

const complete = async (directory) =>
  (await runnable(join(directory, "pulumi"))) && (await runnable(join(directory, languageHost)));

async function findOnPath() {
  const directories = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  const find = async (name) => {
    for (const directory of directories) if (await runnable(join(directory, name))) return directory;
    return undefined;
  };
  const directory = await find("pulumi");
  if (!directory || !(await find(languageHost)) || !(await find(launcher))) return undefined;
  const pulumi = join(directory, "pulumi");
  const { stdout } = await run(pulumi, ["version"], { limit: 20_000 });
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(stdout.trim()) ?? [];
  const recent = Number(major) === oldestVersion[0] && Number(minor) >= oldestVersion[1];
  return recent ? { pulumi, directory, version: stdout.trim().replace(/^v/, ""), source: "PATH" } : undefined;
}

/** Pulumi's own install script. Says false, quietly, where the internet is out of reach. */
async function install(directory, say) {
  let script;
  try {
    const answer = await fetch("https://get.pulumi.com", { signal: AbortSignal.timeout(20_000) });
    if (!answer.ok) return false;
    script = await answer.text();
  } catch {
    return false;
  }
  const place = join(directory, "installer");
  const args = ["-s", "--", "--version", version, "--install-root", place, "--no-edit-path"];
  const { code } = await timed(say, `Downloading Pulumi ${version} by its official installer`, () =>
    run("sh", args, { input: script, limit: 300_000 }),
  );
  const programs = join(place, "bin");
  const done = code === 0 && (await complete(programs));
  if (done) {
    for (const name of await readdir(programs)) await rename(join(programs, name), join(directory, name));
  }
  await rm(place, { recursive: true, force: true });
  return done;
}

/** Builds the engine and the language host from the Go modules in scripts/engine, whose go.sum pins every byte. */
async function build(directory, say) {
  if ((await run("go", ["version"])).code !== 0) {
    throw new Error(
      `There is no Pulumi engine and no way to make one: \`pulumi\` (3.${oldestVersion[1]} or newer, with ${languageHost} and ${launcher} beside it) ` +
        "is not on PATH, https://get.pulumi.com cannot be reached, and there is no `go` to build it with. Install Pulumi " +
        "(https://www.pulumi.com/docs/install) or Go 1.25.11 or newer (https://go.dev/dl), and run this again.",
    );
  }
  const sdk = "github.com/pulumi/pulumi/sdk/v3";
  const goBuild = (module, release, mainPackage) =>
    mustRun(
      "go",
      [
        "build",
        "-mod=readonly",
        "-buildvcs=false",
        "-ldflags",
        `-s -w -X ${sdk}/go/common/version.Version=v${release}`,
        "-o",
        `${directory}/`,
        mainPackage,
      ],
      {
        cwd: join(root, "scripts", "engine", module),
        env: environment({ CGO_ENABLED: "0", GOWORK: "off" }),
      },
    );
  await timed(say, `Building Pulumi ${version} from Go modules (some minutes, once)`, () =>
    goBuild("pulumi", version, "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"),
  );
  await timed(say, "Building its Node.js language host", () =>
    goBuild("language-nodejs", languageHostVersion, `${sdk}/nodejs/cmd/${languageHost}`),
  );
}

async function addLauncher(directory) {
  const target = join(directory, launcher);
  if (existsSync(target)) return;
  const temporary = `${target}.${process.pid}`;
  await copyFile(join(root, "node_modules", "@pulumi", "pulumi", launcher), temporary);
  await chmod(temporary, 0o755);
  await rename(temporary, target);
}

/**
 * The environment for an engine of our own: state in the existing folder `backend`, Pulumi's files in `home`, no
 * account and no download, and nothing of the user's own Pulumi settings.
 */
export function engineEnvironment({ backend, home }) {
  const env = Object.fromEntries(
    Object.entries(environment()).filter(([name]) => !name.startsWith("PULUMI_")),
  );
  return { ...env, ...engineSettings({ backend, home }) };
}

/** The variables alone, for a file that a person sources. */
export const engineSettings = ({ backend, home }) => ({
  PULUMI_BACKEND_URL: `file://${backend}`,
  PULUMI_HOME: home,
  PULUMI_CONFIG_PASSPHRASE: "",
  PULUMI_SKIP_UPDATE_CHECK: "true",
  PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
});
