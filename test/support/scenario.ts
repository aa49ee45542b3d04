/** One instance in one stack: what the engine tests declare, change by hand, and ask. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { LocalHost } from "../../provider/host/local";
import { query as ask } from "../../provider/server/connect";
import { type PackageManager, type Project, project } from "./engine";
import {
  binDirectory,
  editAsOwner,
  freePort,
  type Major,
  type OwnedDirectory,
  ownedDirectory,
} from "./servers";
import { openWay, type Way, type WayName } from "./way";

export interface ScenarioOptions {
  readonly major?: Major;
  readonly manager?: PackageManager;
  readonly way?: WayName;
}

export class Scenario {
  private constructor(
    readonly project: Project,
    readonly directory: OwnedDirectory,
    readonly port: number,
    readonly major: Major,
    readonly bin: string,
    readonly way: Way,
  ) {}

  /** A stack without anything in it, and a folder for the server's user. */
  static async open({
    major = "17",
    manager = "npm",
    way = "local",
  }: ScenarioOptions = {}): Promise<Scenario> {
    const [directory, port, bin, opened] = await Promise.all([
      ownedDirectory(),
      freePort(),
      binDirectory(major),
      openWay(way),
    ]);
    const empty = await project({ manager, program: "" });
    return new Scenario(empty, directory, port, major, bin, opened);
  }

  /** How messages name the machine. */
  get where(): string {
    return this.way.where;
  }

  get data(): string {
    return join(this.directory.path, "data");
  }

  /** Args that every Instance here needs, as JavaScript text: which, where, and the way there. */
  get place(): string {
    const { major: version, port, data: dataDirectory, bin: binDirectory, way } = this;
    return `...${JSON.stringify({ version, port, dataDirectory, binDirectory, ...way.args })}`;
  }

  /** The program: one Instance called `main`, with these args as JavaScript text, and more statements before and after. */
  async declare(args = "", { before = "", after = "", options = "{}", name = "main" } = {}): Promise<void> {
    await this.project.setProgram(`
      const pulumi = require("@pulumi/pulumi");
      const { Instance } = require("pulumi-pginstance");
      ${before}
      const main = new Instance(${JSON.stringify(name)}, {
        ${this.place}, deletionProtection: false, ${args}
      }, ${options});
      exports.uri = main.uri;
      exports.serverVersion = main.serverVersion;
      exports.pendingRestart = main.pendingRestart;
      exports.phase = main.phase;
      ${after}`);
  }

  /** Asked as the owner over the server's socket; the first column of the first row. */
  async ask(query: string): Promise<unknown> {
    const owner = (await editAsOwner("id -un")).trim();
    const pidfile = await editAsOwner('sed -n "4p;5p" "$1/postmaster.pid"', this.data);
    const [port = "", socketDirectory = ""] = pidfile.split("\n");
    const address = {
      host: new LocalHost(),
      owner,
      superuser: "postgres",
      binDirectory: this.bin,
      socketDirectory,
      port: Number(port),
    };
    const results = await ask(address, [query]);
    return Object.values(results[0]?.[0] ?? {})[0];
  }

  /** A change by hand: a shell script with the data directory as $1, the programs as $2. */
  edit(script: string, ...more: string[]): Promise<string> {
    return editAsOwner(script, this.data, this.bin, ...more);
  }

  /** What is left in the folder that held everything. */
  async leftovers(): Promise<string[]> {
    return existsSync(this.directory.path) ? readdir(this.directory.path) : [];
  }

  async close(): Promise<void> {
    await this.project.dispose();
    await this.directory.dispose();
    await this.way.dispose();
  }
}
