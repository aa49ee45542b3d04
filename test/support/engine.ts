/** The real Pulumi CLI over the packed package: every project has its own folder, state and home, and no stack is shared. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { installRoot, type PackageManager } from "../../scripts/setup/package.mjs";
import { engineEnvironment, obtainPulumi } from "../../scripts/setup/pulumi.mjs";

export { installRoot, packedPackage } from "../../scripts/setup/package.mjs";
export type { PackageManager };

const projectName = "program";
const stackName = "test";
const quiet = () => {};

/** One line of the engine's event log: `{ sequence, timestamp, resourcePreEvent | diagnosticEvent | ...: {...} }`. */
export type EngineEvent = Record<string, unknown>;

export interface Run {
  /** Null when a signal ended it, which includes our own time limit. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly events: readonly EngineEvent[];
}

/** A command of the CLI that is still running. */
export interface Running {
  readonly pid: number;
  readonly finished: Promise<Run>;
  /** Text that has been printed so far, both streams. */
  output(): string;
  /** Process ids of the dynamic providers that this run started; waits until there is one. */
  providerPids(): Promise<number[]>;
  /** Ctrl-C for the CLI, or any other signal. */
  signal(name: NodeJS.Signals): void;
}

export interface ProjectOptions {
  readonly manager?: PackageManager;
  /** The text of index.js. */
  readonly program: string;
  readonly config?: Readonly<Record<string, string>>;
}

/** A new project with an empty stack. Call `dispose` at its end. */
export async function project(options: ProjectOptions): Promise<Project> {
  const [root, engine] = await Promise.all([installRoot(options.manager ?? "npm"), obtainPulumi(quiet)]);
  await mkdir(join(root, "projects"), { recursive: true });
  // Below the install root, so that Node finds the packages of its node_modules, as in any project.
  const home = await mkdtemp(join(root, "projects", "project-"));
  const places = { folder: join(home, "program"), backend: join(home, "state"), home: join(home, "pulumi") };
  for (const folder of Object.values(places)) await mkdir(folder);
  await writeFile(join(places.folder, "Pulumi.yaml"), `name: ${projectName}\nruntime: nodejs\n`);
  const environment = {
    ...engineEnvironment(places),
    // The flag --event-log exists only with the debug commands.
    PULUMI_DEBUG_COMMANDS: "true",
    // Program and provider both load Pulumi's SDK: half a second each that tells nothing.
    NODE_COMPILE_CACHE: join(root, "compiled"),
  };
  const made = new Project(home, places, engine.pulumi, environment);
  try {
    await made.setProgram(options.program);
    await made.succeed("stack", "init", stackName);
    const config = Object.entries(options.config ?? {});
    if (config.length > 0) {
      const args = config.flatMap(([name, value]) => ["--plaintext", `${name}=${value}`]);
      await made.succeed("config", "set-all", ...args);
    }
  } catch (error) {
    await made.dispose();
    throw error;
  }
  return made;
}

export class Project {
  constructor(
    private readonly root: string,
    private readonly places: { folder: string; backend: string },
    private readonly pulumi: string,
    private readonly environment: NodeJS.ProcessEnv,
    private readonly limit = 150_000,
    private readonly running = new Set<ChildProcess>(),
    private readonly before: () => readonly string[] = () => [],
  ) {}

  /** Where the program lies, and the stack's own state file. */
  get folder(): string {
    return this.places.folder;
  }
  get stateFile(): string {
    return join(this.places.backend, ".pulumi", "stacks", projectName, `${stackName}.json`);
  }

  /** The same project, its commands with more in their environment and another time limit. */
  with(environment: NodeJS.ProcessEnv, limit = this.limit): Project {
    const merged = { ...this.environment, ...environment };
    return new Project(this.root, this.places, this.pulumi, merged, limit, this.running, this.before);
  }

  /** The same project, each of its commands started by another one, which gets it as its last arguments. */
  by(before: () => readonly string[]): Project {
    const { root, places, pulumi, environment, limit, running } = this;
    return new Project(root, places, pulumi, environment, limit, running, before);
  }

  up(...flags: string[]): Promise<Run> {
    return this.start("up", "--yes", "--skip-preview", ...flags).finished;
  }
  preview(...flags: string[]): Promise<Run> {
    return this.start("preview", ...flags).finished;
  }
  /** Add `--preview-only` to look without changing the state. */
  refresh(...flags: string[]): Promise<Run> {
    const confirmed = flags.includes("--preview-only") ? [] : ["--yes", "--skip-preview"];
    return this.start("refresh", ...confirmed, ...flags).finished;
  }
  destroy(...flags: string[]): Promise<Run> {
    return this.start("destroy", "--yes", "--skip-preview", ...flags).finished;
  }

  /** Any command whose failure is the test's own mistake; its standard output. */
  async succeed(command: string, ...args: string[]): Promise<string> {
    const run = await this.start(command, ...args).finished;
    if (run.exitCode === 0) return run.stdout;
    throw new Error(
      `pulumi ${[command, ...args].join(" ")} exited ${run.exitCode}:\n${run.stdout}${run.stderr}`,
    );
  }

  async outputs(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.succeed("stack", "output", "--json", "--show-secrets"));
  }

  /** What `pulumi stack export` says, secrets still encrypted, and the file itself to search for what must not be in it. */
  async state(): Promise<{ resources: Record<string, unknown>[]; text: string }> {
    const { deployment } = JSON.parse(await this.succeed("stack", "export"));
    return { resources: deployment.resources ?? [], text: await readFile(this.stateFile, "utf8") };
  }

  async setProgram(text: string): Promise<void> {
    const manifest = { name: projectName, private: true, main: "index.js" };
    await writeFile(join(this.folder, "package.json"), JSON.stringify(manifest));
    await writeFile(join(this.folder, "index.js"), text);
  }

  /** Starts a command of the CLI, in a process group of its own so that nothing of it can outlive the time limit. */
  start(command: string, ...args: string[]): Running {
    const log = join(this.root, `events-${randomUUID()}.jsonl`);
    const logged = ["up", "preview", "refresh", "destroy"].includes(command) ? ["--event-log", log] : [];
    const all = [command, ...args, ...logged, "--non-interactive", "--color=never"];
    const [program = this.pulumi, ...argv] = [...this.before(), this.pulumi, ...all];
    const child = spawn(program, argv, {
      cwd: this.folder,
      env: this.environment,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.running.add(child);
    const text = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (chunk: string) => {
        text[name] += chunk;
      });
    }
    const timer = setTimeout(() => kill(child), this.limit);
    const finish = async (): Promise<Run> => {
      const [exitCode] = await once(child, "close");
      clearTimeout(timer);
      this.running.delete(child);
      return { exitCode, ...text, events: await readEvents(log) };
    };
    const finished = finish();
    // Whoever awaits it hears of a failure; a test that ended before must not fail the next one.
    finished.catch(quiet);
    const pid = child.pid ?? 0;
    return {
      pid,
      finished,
      output: () => text.stdout + text.stderr,
      providerPids: () => waitForProviders(child),
      signal: (name) => child.kill(name),
    };
  }

  /** Ends what still runs and removes everything of this project. The stack's resources are the test's to destroy. */
  async dispose(): Promise<void> {
    for (const child of this.running) kill(child);
    await rm(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Plugins have process groups of their own, so each process is ended by its id. */
function kill(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  for (const { pid } of [...descendants(child.pid), { pid: child.pid }]) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
}

function descendants(ancestor: number): { pid: number; command: string }[] {
  const { stdout } = spawnSync("ps", ["-axo", "pid=,ppid=,args="], { encoding: "utf8" });
  const all = stdout.split("\n").flatMap((line) => {
    const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return command === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
  });
  const below = (parent: number): typeof all =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one, ...below(one.pid)]);
  return below(ancestor);
}

/** The launcher is a shell that waits for Node; the provider is that Node. */
async function waitForProviders(child: ChildProcess): Promise<number[]> {
  while (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    const found = descendants(child.pid).filter(({ command }) =>
      /^\S*node\S* .*dynamic-provider/.test(command),
    );
    if (found.length > 0) return found.map(({ pid }) => pid);
    await sleep(20);
  }
  return [];
}

async function readEvents(file: string): Promise<EngineEvent[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
