/** Editing the configuration of real servers: what is refused, what is kept, and what comes back after a reload. */
import { readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SettingsError } from "../../../provider/errors";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { writeConfiguration } from "../../../provider/server/configuration";
import { stateDirectory } from "../../../provider/server/target";
import {
  configurationOf,
  failureOf,
  type Live,
  liveInstance,
  messageOf,
  owner,
} from "../../support/instances";
import { processesWith, until } from "../../support/processes";
import { editAsOwner } from "../../support/servers";

describe.each(["15", "18"] as const)("the configuration of PostgreSQL %s", (major) => {
  let live: Live;
  let outs: Properties;
  let conf: string;
  let auto: string;

  beforeAll(async () => {
    live = await liveInstance(major, { settings: { work_mem: "5MB" } });
    outs = live.outs;
    conf = join(live.target.dataDirectory, "postgresql.conf");
    auto = join(live.target.dataDirectory, "postgresql.auto.conf");
  });
  afterAll(() => live?.folder.dispose());

  /** As `pulumi refresh`, then `pulumi up`. */
  async function update(settings: object, more: Properties = {}): Promise<void> {
    const { props } = await instance.read(live.id, outs);
    const news = await live.inputs({ settings, ...more });
    outs = (await instance.update(live.id, props as Properties, news)).outs as Properties;
  }
  const change = (name: string, to: string | null) => ({
    name,
    from: null,
    to,
    appliedBy: "reload" as const,
    declared: true,
  });
  const show = async (name: string) => (await live.sql(`SHOW ${name}`))[0]?.[name.toLowerCase()];
  const latin1 = () => readFile(conf, "latin1");

  it("that the server refuses is not written: every file as it was, the message in the server's words", async () => {
    const before = await configurationOf(live.target);
    const error = await failureOf(
      live.locked((session) => writeConfiguration(live.target, session, [change("timezone", "No/Where")])),
    );
    expect(error).toBeInstanceOf(SettingsError);
    expect(String(error)).toMatch(
      /PostgreSQL refuses it for \d+\/main on this machine:\n.*invalid value for parameter "TimeZone": "No\/Where"/s,
    );
    expect(String(error)).toContain("Nothing was changed.");
    expect(await configurationOf(live.target)).toBe(before);
  });

  it("that the server refuses leaves an override of ALTER SYSTEM where it was", async () => {
    await live.sql("ALTER SYSTEM SET timezone = 'Europe/Berlin'");
    const before = await configurationOf(live.target);
    await failureOf(
      live.locked((session) => writeConfiguration(live.target, session, [change("timezone", "No/Where")])),
    );
    const bytes = (text: string) =>
      text.split("\n").filter((line) => !line.startsWith("postgresql.auto.conf "));
    expect(bytes(await configurationOf(live.target))).toEqual(bytes(before));
    await live.sql("ALTER SYSTEM RESET timezone");
  });

  it.each([
    [
      "a library that is not there",
      { shared_preload_libraries: "no_such_library" },
      'could not access file "no_such_library"',
    ],
    ["TLS without a certificate", { ssl: "on" }, 'could not load server certificate file "server.crt"'],
    ["more memory than there is", { shared_buffers: "900GB" }, "of shared memory, and this host has"],
  ])(
    "with %s is refused while the server runs on, and every file is as it was",
    async (_, settings, words) => {
      const before = await configurationOf(live.target);
      const started = await live.sql("SELECT pg_postmaster_start_time()");
      const news = { ...(outs.settings as object), ...settings };
      const olds = (await instance.read(live.id, outs)).props as Properties;
      const error = await failureOf(
        instance.update(live.id, olds, await live.inputs({ settings: news, restartOnChanges: true })),
      );
      expect(messageOf(error)).toContain(words);
      expect(messageOf(error)).toContain("Nothing was changed.");
      expect(await configurationOf(live.target)).toBe(before);
      expect(await live.sql("SELECT pg_postmaster_start_time()")).toEqual(started);
      expect(await readdir(stateDirectory(live.target))).not.toContain("rehearsal");
    },
  );

  it("with somebody's broken line is refused with file and line, and stays as it is", async () => {
    const whole = await latin1();
    await editAsOwner('echo "max_connections = many # by hand" >>"$1"', conf);
    const before = await configurationOf(live.target);
    const error = await failureOf(
      live.locked((session) => writeConfiguration(live.target, session, [change("work_mem", "7MB")])),
    );
    expect(String(error)).toMatch(/invalid value for parameter "max_connections": "many"/);
    expect(String(error)).toContain(`configuration file "${conf}" contains errors`);
    expect(await configurationOf(live.target)).toBe(before);
    await writeFile(conf, whole, "latin1");
  });

  it("with somebody's line of no setting is refused with what to do, and removed where the program says so", async () => {
    await editAsOwner('echo "no_such_setting = 1 # by hand" >>"$1"', conf);
    const error = messageOf(await failureOf(update({ work_mem: "7MB" })));
    expect(error).toMatch(
      /unrecognized configuration parameter "no_such_setting" in file "[^"]*\/postgresql\.conf" line \d+$/m,
    );
    expect(error).toMatch(
      /^Where that is for a line which .* on the host, or declare `unmanagedSettings: "remove"`\. Nothing was changed\.$/m,
    );
    await update({ work_mem: "7MB" }, { unmanagedSettings: "remove" });
    expect(await latin1()).not.toMatch(/^no_such_setting/m);
    await update({ work_mem: "5MB" });
  });

  it("whose file is missing is refused with the copy from which it can be put back", async () => {
    await editAsOwner('mv "$1" "$1.away"', conf);
    const error = messageOf(await failureOf(update({ work_mem: "8MB" }, { restartOnChanges: true })));
    const copy = join(stateDirectory(live.target), "started", "postgresql.conf");
    expect(error).toContain(
      `configuration: ${conf} of ${major}/main on this machine is missing\n` +
        `Put it back from the copy ${copy}, and run this again. Nothing was changed.`,
    );
    await editAsOwner('cp -p "$1" "$2" && rm "$2.away"', copy, conf);
    await update({ work_mem: "8MB" });
    expect(await show("work_mem")).toBe("8MB");
  });

  it("keeps every byte of lines that are not ours: comments, spaces, odd quotes, bytes that are no text", async () => {
    const lines = [
      "  # indented\tcomment with '\xe4\xf6' and \xff",
      "LOG_checkpoints   ON    # spaces, capitals, no sign",
      "application_name = 'it''s \\'quoted\\''#close",
      "",
      "my.own = 'x'\r",
    ];
    await writeFile(conf, `${await latin1()}${lines.join("\n")}\nlast.line = 'has no end'`, "latin1");
    const before = (await latin1()).split("\n");
    await update({ work_mem: "6MB", log_min_duration_statement: 250 });
    const after = (await latin1()).split("\n");
    const isOurs = (line: string) => /^\s*#?\s*(work_mem|log_min_duration_statement)\b/.test(line);
    expect(after.filter((line) => !isOurs(line) && line !== "")).toEqual(
      before.filter((line) => !isOurs(line) && line !== ""),
    );
    expect(await show("work_mem")).toBe("6MB");
    expect(await show("log_min_duration_statement")).toBe("250ms");
    expect(await show("application_name")).not.toBe("");
  });

  it("stays private and the owner's, and nothing of the edit is left", async () => {
    await update({ work_mem: "7MB" });
    expect(await editAsOwner('stat -c "%a %U" "$1" "$2"', conf, auto)).toBe(`600 ${owner}\n600 ${owner}\n`);
    const left = [
      ...(await readdir(live.target.dataDirectory)),
      ...(await readdir(stateDirectory(live.target))),
    ];
    expect(left.filter((name) => /candidate|\.new$|^previous|^unapplied/.test(name))).toEqual([]);
  });

  it("loses an override of ALTER SYSTEM for a declared setting, and for no other", async () => {
    await live.sql("ALTER SYSTEM SET work_mem = '9MB'");
    await live.sql("ALTER SYSTEM SET maintenance_work_mem = '99MB'");
    await live.sql("SELECT pg_reload_conf()");
    await until("the override", async () => (await show("work_mem")) === "9MB");
    const { inputs } = await instance.read(live.id, outs);
    expect((inputs as { settings: object }).settings).toMatchObject({ work_mem: "9MB" });
    await update({ work_mem: "7MB" });
    expect(await show("work_mem")).toBe("7MB");
    expect(await show("maintenance_work_mem")).toBe("99MB");
    const text = await readFile(auto, "utf8");
    expect(text).not.toContain("work_mem = '9MB'");
    expect(text).toContain("maintenance_work_mem = '99MB'");
    await live.sql("ALTER SYSTEM RESET ALL");
  });

  it("behind a symbolic link is not followed: the update is refused, and link and file stay as they were", async () => {
    const elsewhere = join(live.folder.path, "elsewhere.conf");
    await editAsOwner('mv "$1" "$2"; ln -s "$2" "$1"', conf, elsewhere);
    const before = await readFile(elsewhere, "latin1");
    const error = messageOf(await failureOf(update({ work_mem: "8MB" })));
    expect(error).toMatch(/^configuration: it cannot be written for /);
    expect(error).toContain(`${conf} is a symbolic link, which is not followed`);
    expect(await readFile(elsewhere, "latin1")).toBe(before);
    expect(await readlink(conf)).toBe(elsewhere);
    await editAsOwner('mv -f "$2" "$1"', conf, elsewhere);
    await update({ work_mem: "8MB" });
    expect(await show("work_mem")).toBe("8MB");
  });

  it("puts no text of a setting into a command line: not one declared, not one that was there before", async () => {
    await editAsOwner(`echo "my.secret = 'canary-before'" >>"$1"`, conf);
    const seen: string[] = [];
    let watching = true;
    const watch = (async () => {
      while (watching) {
        seen.push(...processesWith("canary-").map(({ argv }) => argv));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    await update({ work_mem: "8MB", "my.secret": "canary-declared" });
    watching = false;
    await watch;
    expect(seen).toEqual([]);
    expect(await show("my.secret")).toBe("canary-declared");
    await update({ work_mem: "8MB" });
    expect(await show("my.secret")).toBe("canary-before");
  });
});
