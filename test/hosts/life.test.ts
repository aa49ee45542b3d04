/**
 * What a login with sudo can rely on over the life of an instance: one whose sudo asks for nothing, and one whose sudo
 * wants its password, each with an instance of its own in the same program. Reboots, and hands on the unit, in between.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Project, project, type Run } from "../support/engine";
import { type BootedHost, bootedHost } from "../support/hosts/booted";
import { sayingsOf } from "../support/said";
import { traced } from "../support/traced";

const password = "canary-sudo-5e07";

/** By the name of the login, which is that of its instance too. */
const logins = {
  deploy: { port: 5433, options: { sudo: "nopasswd" }, become: {} },
  careful: {
    port: 5434,
    options: { sudo: "password", password },
    become: { become: { method: "sudo", password } },
  },
} as const;
type Name = keyof typeof logins;
const names = Object.keys(logins) as Name[];

let host: BootedHost;
let stack: Project;
const seen: Record<string, string> = {};

beforeAll(async () => {
  [host, stack] = await Promise.all([bootedHost(), project({ program: "" })]);
});
afterAll(async () => {
  await stack?.dispose();
  await host?.dispose();
});

const sh = async (script: string, ...more: string[]) =>
  (await host.run(["sh", "-c", script, "sh", ...more])).stdout.trim();

/** Of both, what that makes of the login's name. */
async function each<T>(what: (name: Name) => Promise<T>): Promise<Record<Name, T>> {
  const all = await Promise.all(names.map(async (name) => [name, await what(name)] as const));
  return Object.fromEntries(all) as Record<Name, T>;
}
const both = <T>(value: T) => ({ deploy: value, careful: value });

const data = (name: Name) => `/var/lib/postgresql/pginstance/17/${name}`;
const unit = (name: Name) => sh('basename "/etc/systemd/system/pginstance-$1-"*.service', name);
const units = () =>
  each(async (name) => sh('systemctl is-active "$1"; systemctl is-enabled "$1"', await unit(name)));
const started = async (name: Name) => {
  const port = String(logins[name].port);
  const psql = ["psql", "-XAtqp", port, "-c", "SELECT pg_postmaster_start_time()"];
  return (await host.run(psql, { user: "postgres" })).stdout.trim();
};

async function declare(more: object = {}): Promise<void> {
  const instances = names.map(async (name) => {
    const { port, options, become } = logins[name];
    const { keyFile: privateKeyFile } = await host.login(name, options);
    const ssh = { host: host.address, user: name, privateKeyFile, knownHosts: [host.knownHosts] };
    const args = { host: { ssh }, ...become, version: "17", port, deletionProtection: false, ...more };
    return `new Instance(${JSON.stringify(name)}, ${JSON.stringify(args)});`;
  });
  await stack.setProgram(
    `const { Instance } = require("pulumi-pginstance");\n${(await Promise.all(instances)).join("\n")}`,
  );
}

/** @returns it, when it did what it was to do */
async function done(label: string, running: Promise<Run>): Promise<Run> {
  const run = await running;
  seen[label] = run.stdout + run.stderr + JSON.stringify(run.events.filter((event) => !isDebug(event)));
  expect(run, seen[label]).toMatchObject({ exitCode: 0 });
  return run;
}

/** The SDK prints every input there, whatever the provider does. */
const isDebug = ({ diagnosticEvent }: Readonly<Record<string, unknown>>) =>
  /"severity":"debug"/.test(JSON.stringify(diagnosticEvent ?? ""));

const nothingToDo = (label: string) => done(label, stack.preview("--refresh", "--expect-no-changes"));

/** By hand, as root. The word is the name of the unit. */
const deeds = {
  edited: {
    script: `cd /etc/systemd/system && sed -i "s/^KillMode=.*/KillMode=process/" "$1"
      systemctl disable "$1" && systemctl daemon-reload`,
    found: "differs, is not enabled",
  },
  masked: {
    script: 'ln -sf /dev/null "/etc/systemd/system/$1" && systemctl daemon-reload',
    found: "is masked",
  },
} as const;

const then = ": it is written again and enabled; the server is not restarted";

describe("instances of a login whose sudo asks nothing, and of one whose sudo wants a password, in order:", () => {
  test("pulumi up gives each a server in a unit that a boot starts; the password is in no process argument", async () => {
    await declare();
    const sshd = host.processes().filter(({ argv }) => argv.startsWith("sshd: /usr/sbin/sshd"));
    seen.argv = await traced(
      stack,
      sshd.map(({ pid }) => pid),
      async (project) => {
        await done("up", project.up());
      },
    );
    expect(seen.argv).toContain('"-p", "pginstance-password:"');
    expect(await units()).toEqual(both("active\nenabled"));
    await nothingToDo("preview of what is made");
  });

  test("a reboot of the host brings both servers back", async () => {
    const before = await each(started);
    await host.reboot();
    expect(await units()).toEqual(both("active\nenabled"));
    for (const name of names) expect(await started(name)).not.toBe(before[name]);
    await nothingToDo("preview after a reboot");
  });

  test.each([
    { deploy: "edited", careful: "masked" },
    { deploy: "masked", careful: "edited" },
  ] as const)(
    "hands on the units ($deploy, $careful) are seen and put right, and no server restarts",
    async (deed) => {
      const before = await each(started);
      for (const name of names) await sh(deeds[deed[name]].script, await unit(name));
      const said = sayingsOf(await done("preview of a unit", stack.preview("--refresh")));
      const lines = await each(async (name) => `plan: ${await unit(name)} ${deeds[deed[name]].found}${then}`);
      expect(said).toEqual(expect.arrayContaining(Object.values(lines)));
      await done("repair of a unit", stack.up("--refresh"));
      expect(await units()).toEqual(both("active\nenabled"));
      expect(await sh("grep -h KillMode= /etc/systemd/system/pginstance-*")).toBe(
        "KillMode=mixed\nKillMode=mixed",
      );
      expect(await each(started)).toEqual(before);
      await nothingToDo("preview of a unit that is put right");
    },
  );

  test("what is declared stopped is still stopped after a reboot, and starts when that is declared", async () => {
    await declare({ state: "stopped" });
    const said = sayingsOf(await done("preview of a stop", stack.preview()));
    expect(said.filter((line) => line.includes("(fast): downtime until it is started again"))).toHaveLength(
      2,
    );
    await done("stop", stack.up());
    expect(await units()).toEqual(both("inactive\ndisabled"));
    await host.reboot();
    expect(await units()).toEqual(both("inactive\ndisabled"));
    await nothingToDo("preview of what is stopped");
    await declare({ state: "started" });
    await done("start", stack.up());
    expect(await units()).toEqual(both("active\nenabled"));
  });

  test("the password is in no output, event, state or log of the host", async () => {
    seen.state = (await stack.state()).text;
    seen.sshd = await host.log();
    seen.journal = await sh("journalctl --no-pager");
    seen.files = await sh(
      'cd /var/lib/postgresql/pginstance && grep -r "" --include="step.*" --include="*.log" .',
    );
    expect(seen.journal).toContain("careful : ");
    expect(seen.files).toContain("database system is ready");
    const leaks = Object.entries(seen).filter(([, text]) => text.includes(password));
    expect(leaks.map(([where]) => where)).toEqual([]);
  });

  test("pulumi destroy leaves no unit, no data, and nothing else of them; Debian's own cluster runs on", async () => {
    await done("destroy", stack.destroy());
    expect(await sh("find / -xdev -name '*pginstance*' 2>/dev/null")).toBe("");
    expect(await sh("systemctl list-units --all --no-legend 'pginstance*'")).toBe("");
    expect(await sh("pgrep -u postgres,deploy,careful -af pginstance")).toBe("");
    expect(await each((name) => sh('ls -d "$1"* 2>/dev/null', data(name)))).toEqual(both(""));
    expect(await sh("systemctl is-active postgresql@17-main")).toBe("active");
  });
});
