import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LocalHost } from "../../provider/host/local";
import { type Project, project } from "../support/engine";
import { handles, owner } from "../support/instances";
import { openPair, type Pair } from "../support/pair";
import {
  completePrograms,
  editAsOwner,
  freePort,
  type OwnedDirectory,
  ownedDirectory,
} from "../support/servers";
import { shows } from "../support/standby";

const password = "canary-standby-5d20";
const major = "15";

/** Two Instances of one program on two hosts, told in order: a pair, a failover, and the pair the other way round. */
describe("a primary and its standby", () => {
  let pair: Pair;
  let folder: OwnedDirectory;
  let stack: Project;
  let bin: string;
  let ports: { readonly orders: number; readonly copy: number };
  const members = () => ({ orders: pair.first, copy: pair.second });
  type Name = "orders" | "copy";

  beforeAll(async () => {
    [pair, folder, bin, stack] = await Promise.all([
      openPair(),
      ownedDirectory(),
      completePrograms(major),
      project({ program: "" }),
    ]);
    ports = { orders: await freePort(), copy: await freePort() };
  });
  afterAll(async () => {
    await stack?.dispose();
    await folder?.dispose();
    await pair?.dispose();
  });

  const dataOf = (name: Name) => join(folder.path, name, "data");
  const its = (name: Name) =>
    handles({
      host: new LocalHost(),
      owner,
      dataDirectory: dataOf(name),
      binDirectory: bin,
      version: major,
      name,
      superuser: "postgres",
    });

  /** An Instance as JavaScript text. */
  const one = (name: Name, more: string) => `
    const ${name} = new Instance("${name}", {
      ...${JSON.stringify({
        ...members()[name].args,
        version: major,
        address: members()[name].address,
        port: ports[name],
        dataDirectory: dataOf(name),
        binDirectory: bin,
        deletionProtection: false,
        settings: { listen_addresses: "*" },
        hba: {
          standbys: {
            type: "host",
            database: "replication",
            user: "replicator",
            address: "samenet",
            method: "scram-sha-256",
          },
        },
      })},
      ${more} });`;
  const role = 'replicationRole: { name: "replicator", password },';
  const declare = (...instances: string[]) =>
    stack.setProgram(`
      const pulumi = require("@pulumi/pulumi");
      const { Instance } = require("pulumi-pginstance");
      const password = pulumi.secret(${JSON.stringify(password)});
      ${instances.join("")}`);
  const rows = "SELECT string_agg(a::text, ' ' ORDER BY a) FROM public.t";
  const succeed = async (run: ReturnType<Project["up"]>) => {
    const done = await run;
    expect(done).toMatchObject({ exitCode: 0 });
    return done.stdout + done.stderr;
  };

  test("is made with it in one up, in the right order, and follows", async () => {
    await declare(one("orders", role), one("copy", "standby: { primary: orders, password }"));
    expect(await succeed(stack.preview())).toContain(
      `plan: new standby 15/copy on ${pair.second.where}, port ${ports.copy}: base backup of ` +
        `${pair.first.address}:${ports.orders}, configuration, start`,
    );
    expect(await succeed(stack.up())).toContain("base backup of the primary");
    await its("orders").sql("CREATE TABLE public.t AS SELECT 1 AS a");
    await shows(its("copy"), rows, "1");
  });

  test("has nothing to change after that, and no password in the state", async () => {
    await succeed(stack.preview("--expect-no-changes"));
    await succeed(stack.refresh("--expect-no-changes"));
    expect((await stack.state()).text).not.toContain(password);
  });

  test("is promoted after a warning, when its primary is stopped", async () => {
    await declare(
      one("orders", `${role} state: "stopped"`),
      one("copy", 'standby: { primary: orders, password, status: "promoted" }'),
    );
    const preview = await succeed(stack.preview("--diff"));
    expect(preview).toMatch(/status\s*: "streaming" => "promoted"/);
    expect(preview).toContain(`warning: promotion of 15/copy on ${pair.second.where}: it leaves`);
    const up = await succeed(stack.up());
    expect(up).toContain("promoting the standby");
    expect(up).toContain("Run there: SELECT pg_drop_replication_slot('copy');");
    await its("copy").sql("INSERT INTO public.t VALUES (2)");
    await succeed(stack.preview("--expect-no-changes"));
  });

  test("is the primary then, and the old one comes back as its standby", async () => {
    const back = (rejoin: string) => [
      one("copy", role),
      one("orders", `standby: { primary: copy, password${rejoin} }`),
    ];
    await declare(...back(""));
    const refused = await stack.preview();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stdout).toContain("standby.status: this instance is a primary with data of its own");
    await declare(...back(', rejoin: "rebuild"'));
    expect(await succeed(stack.preview())).toMatch(
      /warning: 15\/orders on .* by a new base backup\. Downtime/,
    );
    expect(await succeed(stack.up())).toContain("becoming a standby again");
    await its("copy").sql("INSERT INTO public.t VALUES (3)");
    await shows(its("orders"), rows, "1 2 3");
    await succeed(stack.preview("--expect-no-changes"));
  });

  test("goes without leaving a slot, and then all is gone", async () => {
    await declare(one("copy", role));
    await succeed(stack.up());
    expect(await its("copy").sql("SELECT slot_name FROM pg_replication_slots")).toEqual([]);
    await succeed(stack.destroy());
    expect(await editAsOwner('ls -A "$1"', folder.path)).toBe("");
  });
});
