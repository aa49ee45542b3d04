/** What a host has, asked of this one: programs, users, locales; and what is said when they are missing. */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { totalmem, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { InstanceStateError, UnsupportedError } from "../../../provider/errors";
import type { Command, Host } from "../../../provider/host/host";
import { LocalHost } from "../../../provider/host/local";
import { chooseLocale, gatherFacts } from "../../../provider/server/facts";
import { failureOf, owner } from "../../support/instances";
import { binDirectory, editAsOwner, type OwnedDirectory, ownedDirectory } from "../../support/servers";

const host = new LocalHost();
let folder: OwnedDirectory;
let programs: string;

beforeAll(async () => {
  [folder, programs] = await Promise.all([ownedDirectory(), binDirectory("17")]);
});
afterAll(() => folder.dispose());

/** Programs of 17, some of them. */
async function incomplete(name: string, ...present: string[]): Promise<string> {
  const directory = join(folder.path, name);
  await mkdir(directory, { mode: 0o755 });
  for (const program of present) await symlink(join(programs, program), join(directory, program));
  return directory;
}

describe("facts of an instance that exists", () => {
  const usualBinDirectory = "/nowhere/bin";

  it("do without the programs that served so far, declared or not", async () => {
    for (const binDirectory of [usualBinDirectory, undefined]) {
      const facts = gatherFacts(host, { version: "17", owner, usualBinDirectory, binDirectory });
      expect(await facts).toMatchObject({ owner });
    }
  });

  it("do not take them for others that are declared and missing", async () => {
    const wish = {
      version: "17",
      owner,
      usualBinDirectory: programs,
      binDirectory: "/elsewhere/bin",
    } as const;
    expect(String(await failureOf(gatherFacts(host, wish)))).toContain("Looked at /elsewhere/bin\n");
  });
});

describe("facts", () => {
  it("are gathered once in ten minutes, however often they are asked for", async () => {
    const asked: string[] = [];
    const run = (command: Command) => {
      asked.push(command.name);
      return host.run(command);
    };
    const counted: Host = { name: host.name, run, reserve: (user) => host.reserve(user) };
    const gather = () => gatherFacts(counted, { version: "17", owner, binDirectory: programs });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      await Promise.all([gather(), gather()]);
      vi.advanceTimersByTime(599_000);
      await gather();
      expect(asked).toEqual(["facts"]);
      vi.advanceTimersByTime(2000);
      await gather();
      expect(asked).toEqual(["facts", "facts"]);
      // Asking did not shorten what came after.
      vi.advanceTimersByTime(599_000);
      await gather();
      expect(asked).toEqual(["facts", "facts"]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("are the owner, its home, the memory, the programs and the locales", async () => {
    const facts = await gatherFacts(host, { version: "17", owner, binDirectory: programs });
    const home = (await editAsOwner("eval echo ~$(id -un)")).trim();
    expect(facts).toMatchObject({ owner, home, binDirectory: programs });
    expect(Math.abs(facts.memory - totalmem())).toBeLessThan(totalmem() / 50);
    expect(facts.locales).toContain("C");
  });

  it("without a declared owner take postgres where there is one, else the login", async () => {
    const facts = await gatherFacts(host, { version: "17", binDirectory: programs });
    const hasPostgres = (await editAsOwner("id -u postgres || true")).trim() !== "";
    expect(facts.owner).toBe(hasPostgres ? "postgres" : userInfo().username);
  });

  it("name a user that does not exist, and the remedy", async () => {
    const error = await failureOf(gatherFacts(host, { version: "17", owner: "no-such-user" }));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(String(error)).toContain("owner: this machine has no user no-such-user");
    expect(String(error)).toContain("useradd --system --create-home no-such-user");
  });

  it("refuse root", async () => {
    const error = await failureOf(gatherFacts(host, { version: "17", owner: "root" }));
    expect(String(error)).toContain("owner: PostgreSQL refuses to run as root");
  });

  it("say so when the owner cannot be become", async () => {
    if (process.getuid?.() === 0) return;
    const error = await failureOf(gatherFacts(host, { version: "17", owner: "daemon" }));
    expect(String(error)).toContain("become: cannot run as daemon on this machine");
  });
});

describe("programs", () => {
  const missing = async (directory: string) =>
    String(await failureOf(gatherFacts(host, { version: "17", owner, binDirectory: directory })));

  it("that are missing are named with the place that was looked at, and how to install them", async () => {
    const directory = join(folder.path, "nothing");
    const text = await missing(directory);
    expect(text).toContain(
      `binDirectory: no PostgreSQL 17 on this machine that ${owner} can run. Looked at ${directory}\n`,
    );
    expect(text).toContain("apt-get install postgresql-17");
  });

  it("of a major that no package put here are looked for in every usual place", async () => {
    const found = await gatherFacts(host, { version: "14", owner }).catch((error: Error) => error.message);
    if (typeof found !== "string") return;
    for (const place of ["/usr/lib/postgresql/14/bin", "/usr/pgsql-14/bin", "pg_config and PATH"]) {
      expect(found).toContain(place);
    }
  });

  it("of another major are named with what they are", async () => {
    const directory = await binDirectory("15");
    expect(await missing(directory)).toMatch(new RegExp(`Looked at ${directory} \\(is 15\\.[0-9]+\\)`));
  });

  it("that are not complete are named with what they lack", async () => {
    const directory = await incomplete("partial", "postgres");
    expect(await missing(directory)).toContain(`Looked at ${directory} (lacks initdb, pg_ctl)`);
  });

  it("that are something else are no PostgreSQL", async () => {
    const directory = await incomplete("other");
    for (const name of ["postgres", "initdb", "pg_ctl"]) {
      await writeFile(join(directory, name), "#!/bin/sh\necho hello\n", { mode: 0o755 });
    }
    expect(await missing(directory)).toContain(`Looked at ${directory} (is no PostgreSQL)`);
  });

  it("that only the login can read are of no use to the owner", async () => {
    if (process.getuid?.() !== 0) return;
    const closed = join(folder.path, "closed");
    await mkdir(closed, { mode: 0o700 });
    await symlink(programs, join(closed, "bin"));
    expect(await missing(join(closed, "bin"))).toContain(`Looked at ${closed}/bin`);
  });
});

describe("the locale of a new instance", () => {
  const facts = {
    owner,
    home: "/",
    memory: 1,
    binDirectory: "/",
    hasSystemd: false,
    locales: ["C", "C.utf8", "POSIX", "de_DE.utf8"],
  };

  it("is the declared one in whatever spelling the host has it", () => {
    expect(chooseLocale(host, facts, "de_DE.UTF-8", "UTF8")).toBe("de_DE.UTF-8");
    expect(chooseLocale(host, facts, "POSIX", "UTF8")).toBe("POSIX");
  });

  it("is C.UTF-8 by default where the host has it and the encoding fits, else C", () => {
    expect(chooseLocale(host, facts, undefined, "UTF8")).toBe("C.UTF-8");
    expect(chooseLocale(host, facts, undefined, "LATIN1")).toBe("C");
    expect(chooseLocale(host, { ...facts, locales: [] }, undefined, "UTF8")).toBe("C");
  });

  it("that the host lacks is refused with those that it has", async () => {
    const real = await gatherFacts(host, { version: "17", owner, binDirectory: programs });
    const choose = () => chooseLocale(host, real, "xx_YY.UTF-8", "UTF8");
    expect(choose).toThrow(InstanceStateError);
    expect(choose).toThrow('locale: this machine has no locale "xx_YY.UTF-8"');
    expect(choose).toThrow(`It has ${real.locales.join(", ")}.`);
  });
});
