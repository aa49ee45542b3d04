/** What a refresh of several instances asks a host, counted: real servers, and a host that counts. */
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Host } from "../../../provider/host/host";
import { LocalHost } from "../../../provider/host/local";
import { stackOf } from "../../../provider/instances/identity";
import { withLock } from "../../../provider/instances/lock";
import { instance } from "../../../provider/resources/instance";
import { look } from "../../../provider/server/look";
import { lookAhead } from "../../../provider/server/look-ahead";
import type { Target } from "../../../provider/server/target";
import { type Place, place } from "../../support/instances";
import { editAsOwner, freePort } from "../../support/servers";

const urn = (stack: string, name: string) =>
  `urn:pulumi:${stack}::program::pulumi-nodejs:dynamic/pginstance:Instance::${name}`;
const by = lookAhead(stackOf(urn("test", "")));

let at: Place;
let looks = 0;
let targets: Record<"first" | "second" | "third" | "foreign", Target>;

beforeAll(async () => {
  at = await place("17");
  const make = async (stack: string, name: string) => {
    const dataDirectory = join(dirname(at.target.dataDirectory), name);
    const more = { __urn: urn(stack, name), name, dataDirectory, port: await freePort() };
    await instance.create(await at.inputs({ ...more, settings: { shared_buffers: "1MB" } }));
    return { ...at.target, name, dataDirectory };
  };
  targets = {
    first: await make("test", "first"),
    second: await make("test", "second"),
    third: await make("test", "third"),
    foreign: await make("other", "foreign"),
  };
});
afterAll(async () => {
  const stop = 'for data; do kill -QUIT "$(head -n 1 "$data/postmaster.pid")"; done; sleep 0.5';
  await editAsOwner(stop, ...Object.values(targets ?? {}).map(({ dataDirectory }) => dataDirectory));
  await at?.folder.dispose();
});

/** A host that nobody has looked at yet. */
beforeEach(() => {
  looks = 0;
  const local = new LocalHost();
  const host: Host = {
    name: local.name,
    run(command) {
      if (command.name === "observe") looks += 1;
      return local.run(command);
    },
    reserve: (user) => local.reserve(user),
  };
  for (const target of Object.values(targets)) Object.assign(target, { host });
});

it("one that is asked for alone is looked at alone", async () => {
  await by(targets.first);
  expect(looks).toBe(1);
  await by(targets.second);
  expect(looks).toBe(2);
});

it("several that are asked for at once, and the others of their stack beside them, are one look", async () => {
  const asked = [targets.first, targets.second];
  const found = await Promise.all(asked.map(by));
  const ahead = await by(targets.third);
  expect(looks).toBe(1);
  for (const [index, one] of found.entries()) {
    expect(one.get("place")?.toString().trim()).toBe(asked[index]?.dataDirectory);
    expect(one.get("relayed")?.toString().trim()).toBe("0");
  }
  const alone = await look(targets.third);
  for (const section of [
    "place",
    "marker",
    "conf",
    "hba",
    "control",
    "pid",
    "process",
    "binaries",
    "relayed",
  ]) {
    expect([section, ahead.get(section)]).toEqual([section, alone.get(section)]);
  }
  expect(ahead.get("sql")?.length).toBeGreaterThan(1000);
});

it("what was seen ahead is an answer once", async () => {
  await Promise.all([by(targets.first), by(targets.second)]);
  await by(targets.third);
  await by(targets.third);
  expect(looks).toBe(2);
});

it("what was seen ahead is no answer to who asks the server something else", async () => {
  await Promise.all([by(targets.first), by(targets.second)]);
  await by({ ...targets.third, superuser: "somebody" });
  expect(looks).toBe(2);
});

it("what was seen ahead is none once something of ours has been changed on that host", async () => {
  await Promise.all([by(targets.first), by(targets.second)]);
  await withLock(targets.third, async () => undefined);
  await by(targets.third);
  expect(looks).toBe(2);
});

it("an instance of another stack is not looked at before somebody asks for it", async () => {
  await Promise.all([by(targets.first), by(targets.second)]);
  await by(targets.foreign);
  expect(looks).toBe(2);
});

it("one that is not there takes nothing from the others", async () => {
  const absent = { ...targets.first, dataDirectory: `${targets.first.dataDirectory}-gone` };
  const [there, gone] = await Promise.all([by(targets.first), by(absent)]);
  expect(there.get("directory")?.toString()).toMatch(/^directory/);
  expect(gone.get("directory")?.toString()).toMatch(/^absent/);
  expect(looks).toBe(1);
});

it("one whose server hangs, and that nobody asked for, keeps the others waiting once, and is seen as it is", async () => {
  const signal = 'kill "-$2" "$(head -n 1 "$1/postmaster.pid")"';
  await editAsOwner(signal, targets.third.dataDirectory, "STOP");
  try {
    const asked = await Promise.all([by(targets.first), by(targets.second)]);
    for (const one of asked) expect(one.get("relayed")?.toString().trim()).toBe("0");
    const hung = await by(targets.third);
    expect(hung.get("relay")?.toString()).toContain("no answer within 15 s");
    expect(looks).toBe(1);
  } finally {
    await editAsOwner(signal, targets.third.dataDirectory, "CONT");
  }
}, 60_000);
