/** Every means to become the owner with, and what is said where it is refused. */
import { hostname } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Properties } from "../../../../provider/schema/check";
import type { LoginOptions } from "../../../support/ssh/host";
import { type Given, isIn, type Row, textOf, WaysIn } from "../../../support/ssh/ways-in";

/** Only root can make logins. */
const isRoot = process.getuid?.() === 0;

const owner = "postgres";
const own = "its own password";
const owners = "the owner's password";
const wrong = "another password";
let ways: WaysIn;

const logins: Readonly<Record<string, LoginOptions>> = {
  [owner]: { password: owners },
  root: {},
  free: { sudo: "nopasswd" },
  asked: { sudo: "password", password: own },
  once: { sudo: ["Defaults:once passwd_tries=1", "once ALL=(ALL) ALL"], password: own },
  targeted: { sudo: ["Defaults:targeted targetpw", "targeted ALL=(ALL) ALL"] },
  narrow: { sudo: ["narrow ALL=(daemon) ALL"], password: own },
  unknown: { password: own },
  trusted: { sudo: ["Defaults:trusted !authenticate"] },
  screen: { sudo: ["Defaults:screen requiretty", "screen ALL=(ALL) NOPASSWD: ALL"] },
  permitted: { doas: "nopass" },
  persistent: { doas: "persist", password: own },
  service: { shell: "/usr/sbin/nologin", password: owners },
};

/** As one who gets there by the system's ssh declares it. */
const byOpenssh = ({ ssh, ...more }: Given): Given => ({
  openssh: { user: ssh?.user, configFile: ways.path("config") },
  ...more,
});

const as =
  (user: string, become?: Properties, more: { owner?: string; environment?: Record<string, string> } = {}) =>
  (at: WaysIn) => ({ ssh: { user, privateKeyFile: at.path(`key_${user}`) }, become, ...more });
const variable = (name: string, value: string) => ({ environment: { [name]: value } });

const lettingIn: readonly Row[] = [
  ["nothing, as the owner", as(owner), isIn],
  ["`none`, as the owner", as(owner, { method: "none" }), isIn],
  ["nothing, as root", as("root"), isIn],
  ["`runuser`, as root", as("root", { method: "runuser" }), isIn],
  ["`sudo`, as root", as("root", { method: "sudo" }), isIn],
  ["`su`, as root", as("root", { method: "su" }), isIn],
  ["nothing, where sudo asks for no password", as("free"), isIn],
  ["`sudo` that asks for no password", as("free", { method: "sudo" }), isIn],
  ["`sudo` that asks for none, with one", as("free", { password: "exit 1" }), isIn],
  ["`sudo` with the login's password", as("asked", { method: "sudo", password: own }), isIn],
  ["`sudo` with `passwordEnv`", as("asked", { passwordEnv: "DB1_SUDO" }, variable("DB1_SUDO", own)), isIn],
  ["PGINSTANCE_BECOME_PASSWORD", as("asked", undefined, variable("PGINSTANCE_BECOME_PASSWORD", own)), isIn],
  [
    "PGINSTANCE_BECOME_PASSWORD, before `password`",
    as("asked", { password: wrong }, variable("PGINSTANCE_BECOME_PASSWORD", own)),
    isIn,
  ],
  ["`sudo` with the owner's password, by targetpw", as("targeted", { password: owners }), isIn],
  ["`doas` that asks for no password", as("permitted", { method: "doas" }), isIn],
  ["`su` with the owner's password", as("unknown", { method: "su", password: owners }), isIn],
];

const orPassword = (login: string) =>
  `Allow it without a password (sudoers: \`${login} ALL=(postgres) NOPASSWD: ALL\`), or declare \`become.passwordEnv\` or \`become.password\`.`;
const permit = (login: string) =>
  `Allow it without a password, for which doas asks at a terminal alone: doas.conf \`permit nopass ${login} as postgres\`.`;
const notOwn = (login: string) =>
  `See that the password of \`become\` is that of ${login}, whom sudo asks. It is not tried again.`;
const notThere =
  "owner: db1 has no user stranger\nMake it (useradd --system --create-home stranger), or declare another owner.";
const allow = (login: string) => `Allow it: sudoers \`${login} ALL=(postgres) NOPASSWD: ALL\`.`;

const failing: readonly Row[] = [
  [
    "`none`, as another than the owner",
    as("free", { method: "none" }),
    'become: cannot run as postgres on db1, only as free\nDeclare owner: "free", or another method to become postgres.',
  ],
  [
    "`runuser`, as another than root",
    as("free", { method: "runuser" }),
    "db1: free cannot become postgres by runuser: sh: 1: exec: runuser: not found\nrunuser is for root alone: log in as root, or declare another `become.method`.",
  ],
  [
    "`sudo` that asks, without a password",
    as("asked"),
    `db1: asked cannot become postgres by sudo: a password is required\n${orPassword("asked")}`,
  ],
  [
    "`sudo` with a password that is wrong",
    as("asked", { password: wrong }),
    `db1: asked cannot become postgres by sudo: the password was refused\n${notOwn("asked")}`,
  ],
  [
    "`sudo` with a password that is wrong, where it asks once",
    as("once", { password: wrong }),
    `db1: once cannot become postgres by sudo: 1 incorrect password attempt\n${notOwn("once")}`,
  ],
  [
    "`sudo` whose `passwordEnv` is not set",
    as("asked", { passwordEnv: "DB1_SUDO" }),
    "become: the environment variable DB1_SUDO, named by become.passwordEnv, is not set\nIt is read where Pulumi runs, each time the host is reached: refresh and destroy need it, too.",
  ],
  [
    "`sudo`, of whom sudoers says nothing",
    as("unknown", { password: own }),
    `db1: unknown cannot become postgres by sudo: unknown is not in the sudoers file.\n${allow("unknown")}`,
  ],
  [
    "the same, without a password",
    as("unknown"),
    `db1: unknown cannot become postgres by sudo: a password is required\n${orPassword("unknown")}`,
  ],
  [
    "the same, where sudo asks nobody",
    as("trusted"),
    `db1: trusted cannot become postgres by sudo: trusted is not in the sudoers file.\n${allow("trusted")}`,
  ],
  [
    "`sudo`, to whom sudoers allows another user",
    as("narrow", { password: own }),
    `db1: narrow cannot become postgres by sudo: Sorry, user narrow is not allowed to execute '/usr/bin/sh -c ...' as postgres on HOST.\n${allow("narrow")}`,
  ],
  [
    "`sudo`, from whom sudoers wants a terminal",
    as("screen"),
    "db1: screen cannot become postgres by sudo: sorry, you must have a tty to run sudo\nsudoers wants a terminal: add `Defaults:screen !requiretty` there.",
  ],
  [
    "`doas` that asks for a password",
    as("persistent", { method: "doas" }),
    `db1: persistent cannot become postgres by doas: Authentication required\n${permit("persistent")}`,
  ],
  [
    "`doas`, of whom doas.conf says nothing",
    as("unknown", { method: "doas" }),
    `db1: unknown cannot become postgres by doas: Operation not permitted\n${permit("unknown")}`,
  ],
  [
    "`doas` to an owner who is not there",
    as("permitted", { method: "doas" }, { owner: "stranger" }),
    notThere,
  ],
  [
    "`su` without a password",
    as("unknown", { method: "su" }),
    "db1: unknown cannot become postgres by su: a password is required\nsu wants the password of postgres: declare `become.passwordEnv` or `become.password`.",
  ],
  [
    "`su` with a password that is wrong",
    as("unknown", { method: "su", password: wrong }),
    "db1: unknown cannot become postgres by su: Authentication failure\nSee that the password of `become` is that of postgres. It is not tried again.",
  ],
  [
    "`su` to an owner who may not log in",
    as("unknown", { method: "su", password: owners }, { owner: "service" }),
    "db1: unknown cannot become service by su: using restricted shell /usr/sbin/nologin\nThis account is currently not available.\nDeclare another `become.method`, or another owner.",
  ],
  ["`sudo` to an owner who is not there", as("free", undefined, { owner: "stranger" }), notThere],
  ["`runuser` to an owner who is not there", as("root", undefined, { owner: "stranger" }), notThere],
  [
    "`su` to an owner who is not there",
    as("asked", { method: "su", password: own }, { owner: "stranger" }),
    notThere,
  ],
];

describe.skipIf(!isRoot).each(["ssh", "openssh"])("the owner of an instance, by %s,", (transport) => {
  const outcome = (what: string, given: Given) =>
    ways.outcome(what, transport === "ssh" ? given : byOpenssh(given));

  beforeAll(async () => {
    ways = await WaysIn.open(`become, by ${transport}`, "become");
    const { host } = ways;
    for (const [name, options] of Object.entries(logins)) await host.login(name, options);
    ways.call(` on ${hostname()}.`, " on HOST.");
    const known = `UserKnownHostsFile ${host.knownHosts}\nGlobalKnownHostsFile /dev/null\n`;
    await ways.write("config", `IdentityFile ${ways.path("key_%r")}\nIdentityAgent none\n${known}`);
  });
  afterAll(() => ways.close());

  it.each(lettingIn)("is had by %s", async (what, given, wanted) => {
    expect(await outcome(what, given(ways))).toBe(wanted);
  });

  it.each(failing)("is not had by %s, and that is said", async (what, given, wanted) => {
    expect(await outcome(what, given(ways))).toBe(wanted);
  });

  it("is not had by a sudo that the host lacks, and that is said", async () => {
    const { host } = ways;
    const link = 'mkdir "$0"; for name in sh dd id; do ln -s "$(command -v $name)" "$0"; done';
    await host.run(["sh", "-c", link, ways.path("bin")]);
    await host.configure([`SetEnv PATH=${ways.path("bin")}`]);
    const said = await outcome("`sudo` that is not there", as("free")(ways));
    await host.configure([]);
    expect(said).toBe(
      "db1: free cannot become postgres by sudo: sh: 1: exec: sudo: not found\nIt is not on the host: install it, or declare another `become.method`.",
    );
  });

  it("is asked for once with a password that is refused, however many resources want in", async () => {
    const count = await ways.write("count", `#!/bin/sh\necho asked >>${ways.path("asked")}\n`, 0o755);
    await ways.host.run([
      "sed",
      "-i",
      `1i auth optional pam_exec.so quiet seteuid ${count}`,
      "/etc/pam.d/sudo",
    ]);
    const given = as("once", { password: wrong })(ways);
    await outcome("`sudo` with a password that is wrong, again", given);
    expect(await textOf(ways.path("asked"))).toBe("asked\n");
  });
});
