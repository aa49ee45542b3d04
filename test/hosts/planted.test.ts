/** What the owner of an instance writes in its own folder names nothing that root then starts, writes or removes for others. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instance } from "../../provider/resources/instance";
import type { Properties } from "../../provider/schema/check";
import { type BootedHost, bootedHost } from "../support/hosts/booted";
import { failureOf, messageOf } from "../support/instances";
import { Decoys, planting } from "../support/planting";

let host: BootedHost;
let inputs: Properties;
const sh = async (script: string, ...more: string[]) =>
  (await host.run(["sh", "-c", script, "sh", ...more])).stdout.trim();

/** Somebody else's unit, and one that looks like the provider's own. */
const decoys = ["decoy.service", "pginstance-other-0123456789.service"];

beforeAll(async () => {
  host = await bootedHost();
  const { name: user, keyFile: privateKeyFile } = await host.login("deploy", { sudo: "nopasswd" });
  const checked = await instance.check(
    {},
    {
      __urn: "urn:pulumi:test::program::pulumi-nodejs:dynamic/pginstance:Instance::orders",
      host: { ssh: { host: host.address, user, privateKeyFile, knownHosts: [host.knownHosts] } },
      ...{ version: "17", port: 5433, deletionProtection: false, restartOnChanges: true },
      // A server whose answer is swapped is waited for.
      timeouts: { start: 15, stop: 15 },
    },
  );
  expect(checked.failures).toEqual([]);
  inputs = checked.inputs;
  for (const unit of decoys) {
    await sh(
      `printf '[Service]\\nType=oneshot\\nUser=root\\nExecStart=/usr/bin/touch /root/started-%s\\n' "$1" >"/etc/systemd/system/$1" && systemctl daemon-reload`,
      unit,
    );
  }
});
afterAll(() => host?.dispose());

interface Made {
  readonly id: string;
  readonly outs: Properties & { readonly unit: string; readonly dataDirectory: string };
}
let made: Made;
let before: string;
const seen = () =>
  sh(`for file in /etc/systemd/system/${decoys.join(" /etc/systemd/system/")}; do stat -c '%n %a %U %i %Z' "$file"; cat "$file"; done
    ls /root /etc/systemd/system; systemctl show -p LoadState,UnitFileState ${decoys.join(" ")}`);

beforeEach(async () => {
  before = await seen();
  made = (await instance.create(inputs)) as Made;
});

/** As the owner, who may write all that is there. */
const asOwner = (script: string, ...more: string[]) =>
  host.run(["sh", "-euc", script, "sh", `${made.outs.dataDirectory}.pginstance`, ...more], {
    user: "postgres",
  });
const plant = (unit: string) =>
  asOwner('cp "$1/unit" "$1/unit.true"; { echo "$2"; tail -n +2 "$1/unit.true"; } >"$1/unit"', unit);
const restore = () => asOwner('mv "$1/unit.true" "$1/unit"');
const remove = () => instance.delete(made.id, made.outs);
const restart = () => instance.update(made.id, made.outs, { ...inputs, restartTriggers: randomUUID() });

describe.each(decoys)(
  "the name of %s, which the owner wrote in the place of that of its own unit",
  (unit) => {
    it("makes root start nothing, and says why", async () => {
      await plant(unit);
      expect(messageOf(await failureOf(restart()))).toContain(`${unit} is no unit that runs as postgres`);
      await restore();
      await remove();
      expect(await seen()).toBe(before);
    });

    it("makes root remove nothing but the instance's own unit", async () => {
      await plant(unit);
      await remove();
      // One that it took for somebody else's is left.
      await sh(
        'systemctl disable --now "$1"; rm -f "/etc/systemd/system/$1"; systemctl daemon-reload',
        made.outs.unit,
      );
      expect(await seen()).toBe(before);
    });
  },
);

it("links that the owner plants in a race on what root reads and makes for a start lead to nothing of root's", async () => {
  const decoys = await Decoys.make({ root: { uid: 0, gid: 0 } }, [host.root, "/srv"]);
  const own = `${made.outs.dataDirectory}.pginstance`;
  const names = [
    "unit",
    "starter",
    "serve",
    "answer",
    "postgresql.log",
    "triggers",
    "marker.json",
    "new",
    "removed",
  ];
  const files = names.flatMap((name) => [name, `${name}.new`]).map((name) => join(own, name));
  const input = [...files, own].join("\n");
  const untouched = await decoys.seen();
  const planter = host.run(planting(decoys, 10), { user: "postgres", input });
  let isOver = false;
  void planter.finally(() => {
    isOver = true;
  });
  const counts = { done: 0, failed: 0 };
  for (let turn = 0; !isOver; turn++) {
    const operation = turn % 2 === 0 ? restart() : instance.read(made.id, made.outs);
    await operation.then(
      () => counts.done++,
      () => counts.failed++,
    );
  }
  const { stdout } = await planter;
  process.stdout.write(`links: ${stdout.trim()} planted, ${JSON.stringify(counts)}\n`);
  expect(Number(stdout)).toBeGreaterThan(500);
  expect(await decoys.seen()).toEqual(untouched);
  // What was renamed in the race, a link among it, lies where nobody puts it away.
  await asOwner('find "$1" -maxdepth 1 -type l -exec rm {} +');
  await restart();
  await remove();
  expect(await decoys.seen()).toEqual(untouched);
  expect(await seen()).toBe(before);
  await decoys.dispose();
});
