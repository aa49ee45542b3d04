/** What keeps a standby from being made, or from being taken away: in the server's own words, and nothing is half done. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { failureOf, handles, messageOf, type Place } from "../../support/instances";
import { editAsOwner, freePort } from "../../support/servers";
import { type Primary, password, placeOfComplete, primary, shows } from "../../support/standby";

describe("a standby on PostgreSQL 15 is not made", () => {
  let source: Primary;
  let at: Place;
  beforeAll(async () => {
    source = await primary();
    at = await placeOfComplete("second");
  });
  afterAll(async () => {
    await at?.folder.dispose();
    await source?.folder.dispose();
  });

  /** Says why, and that nothing came of it. */
  async function refusal(standby: Properties, more: Properties = {}): Promise<string> {
    const failure = await failureOf(instance.create(await at.inputs({ standby, ...more })));
    expect(await editAsOwner('ls -A "$1"', at.folder.path)).toBe("");
    expect(await source.slots()).toEqual([]);
    expect(messageOf(failure)).not.toContain("c4nary");
    return messageOf(failure);
  }

  it("with a wrong password", async () => {
    const words = await refusal({ primary: source.conninfo, password: "c4nary-wrong" });
    expect(words).toContain('FATAL:  password authentication failed for user "replicator"');
    expect(words).toContain("Nothing was changed.");
  });

  it("without a password", async () => {
    expect(await refusal({ primary: source.conninfo })).toContain("no password supplied");
  });

  it("without a record in pg_hba.conf", async () => {
    const words = await refusal({ primary: source.conninfo.replace("replicator", "nobody_there"), password });
    expect(words).toMatch(/FATAL: {2}(password authentication failed|role "nobody_there" does not exist)/);
    await source.sql("CREATE ROLE plain LOGIN PASSWORD 'plain'");
    expect(
      await refusal({ primary: source.conninfo.replace("replicator", "plain"), password: "plain" }),
    ).toContain("must be superuser or replication role to start walsender");
    const hba = `${source.target.dataDirectory}/pg_hba.conf`;
    await editAsOwner('cp "$1" "$1.kept" && sed -i "/^host *replication/d" "$1"', hba);
    await source.sql("SELECT pg_reload_conf()");
    const refused =
      "SELECT count(*)::int FROM pg_hba_file_rules WHERE 'replication' = ANY (database) AND type = 'host'";
    await shows(source, refused, 0);
    expect(await refusal({ primary: source.conninfo, password })).toContain(
      'no pg_hba.conf entry for replication connection from host "127.0.0.1", user "replicator"',
    );
    await editAsOwner('mv "$1.kept" "$1"', hba);
    await source.sql("SELECT pg_reload_conf()");
  });

  it("of a primary that does not answer", async () => {
    const words = await refusal({
      primary: `host=127.0.0.1 port=${await freePort()} user=replicator`,
      password,
    });
    expect(words).toContain("Connection refused");
  });

  it("without the programs", async () => {
    const bin = `${at.folder.path}-bin`;
    await editAsOwner(
      'mkdir "$1" && ln -s "$2"/* "$1" && rm "$1/pg_basebackup"',
      bin,
      at.target.binDirectory,
    );
    try {
      expect(await refusal({ primary: source.conninfo, password }, { binDirectory: bin })).toContain(
        `${bin} on this machine lacks pg_basebackup`,
      );
    } finally {
      await editAsOwner('rm -r "$1"', bin);
    }
  });

  it("of a primary with tablespaces, and takes none of its files away", async () => {
    const space = `${source.folder.path}/space`;
    await editAsOwner('mkdir "$1"', space);
    await source.sql(`CREATE TABLESPACE space LOCATION '${space}'`);
    const inputs = await at.inputs({ standby: { primary: source.conninfo, password } });
    const failure = messageOf(await failureOf(instance.create(inputs)));
    expect(failure).toContain(
      `tablespaces: those of 127.0.0.1:${source.port} have no place on this machine:\n  space: ${space} is not empty\n` +
        "Nothing was changed. Declare space in `tablespaces`, each with a directory of its own",
    );
    const declared = {
      ...inputs,
      tablespaces: { space: `${at.folder.path}/a`, other: `${at.folder.path}/b` },
    };
    expect(messageOf(await failureOf(instance.create(declared)))).toContain(
      `127.0.0.1:${source.port} has no other, and a standby has its primary's alone`,
    );
    expect(await source.slots()).toEqual([]);
    expect(await editAsOwner('ls -A "$1"', at.folder.path)).toBe("");
    await source.sql("DROP TABLESPACE space");
  });

  it("of a primary whose tablespaces nobody may ask for, and takes none of its files away", async () => {
    const space = `${source.folder.path}/space`;
    await source.sql(`CREATE TABLESPACE space LOCATION '${space}'`);
    const closed = { type: "host", database: "all", user: "replicator", address: "all", method: "reject" };
    const { outs: shut } = await instance.update(
      source.id,
      source.outs,
      await source.inputs({ hba: { closed } }),
    );
    const inputs = await at.inputs({ standby: { primary: source.conninfo, password } });
    const declared = { ...inputs, tablespaces: { space: `${at.folder.path}/a` } };
    expect(messageOf(await failureOf(instance.create(declared)))).toMatch(
      /^tablespaces: 127\.0\.0\.1:\d+ does not say where it has those of 15\/second on this machine:\n.*rejects connection.*\nNothing was changed\. The role of/s,
    );
    // On another host that path would be free, as this one is.
    const bin = `${at.folder.path}-bin`;
    const free = `${source.folder.path}/free`;
    await editAsOwner(
      'mkdir "$1" && ln -s "$2"/* "$1" && rm "$1/pg_basebackup"; ' +
        'printf \'#!/bin/sh\\nexec "%s/pg_basebackup" "$@" "--tablespace-mapping=%s=%s"\\n\' "$2" "$3" "$4" >"$1/pg_basebackup"; ' +
        'chmod +x "$1/pg_basebackup"',
      ...[bin, at.target.binDirectory, space, free],
    );
    const elsewhere = instance.create({ ...inputs, binDirectory: bin });
    const there = messageOf(await failureOf(elsewhere).finally(() => editAsOwner('rm -r "$1"', bin)));
    expect(there).toMatch(
      new RegExp(`the primary has tablespaces, of which its role was not told here: .*\n  ${free}\n`),
    );
    expect(await editAsOwner('ls "$1" "$2"', space, free)).toMatch(/^\S+free:\n\n\S+space:\nPG_15_\d+\n$/);
    expect(await source.slots()).toEqual([]);
    await source.sql("DROP TABLESPACE space");
    await instance.update(source.id, shut as Properties, await source.inputs());
    const { id, outs } = await instance.create(inputs);
    await instance.delete(id, outs);
  });

  it("and is taken away without its primary, with a warning only", async () => {
    const inputs = await at.inputs({ standby: { primary: source.conninfo, password } });
    const { id, outs } = await instance.create(inputs);
    expect(await source.slots()).toEqual(["second"]);
    const stopped = await source.inputs({ state: "stopped" });
    const down = await instance.update(source.id, source.outs, stopped);
    await instance.delete(id, outs);
    expect(await editAsOwner('ls -A "$1"', at.folder.path)).toBe("");
    await instance.update(source.id, down.outs as Properties, await source.inputs());
    expect(await handles(source.target).sql("SELECT pg_drop_replication_slot('second')")).toHaveLength(1);
  });
});
