/** Promotion, and the ways back of an old primary. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { failureOf, handles, messageOf, type Place } from "../../support/instances";
import { editAsOwner } from "../../support/servers";
import { type Primary, password, placeOfComplete, primary, shows } from "../../support/standby";

/** One of the two, as the engine would drive it. */
class Driven {
  declared: Properties = {};

  readonly its: ReturnType<typeof handles>;

  constructor(
    readonly at: Place,
    private id: string,
    private outs: Properties,
  ) {
    this.its = handles(at.target);
  }

  /** With what `check` would not say of a new resource. */
  async declare({ status, ...standby }: Properties = {}, more: Properties = {}): Promise<void> {
    const inputs = await this.at.inputs("primary" in standby ? { standby, ...more } : more);
    const promoted = { standby: { ...(inputs.standby as object), status } };
    this.declared = status === undefined ? inputs : { ...inputs, ...promoted };
  }

  async preview(): Promise<unknown> {
    await instance.check(this.declared, this.declared);
    return instance.diff(this.id, this.outs, this.declared);
  }

  async up(): Promise<void> {
    this.outs = (await instance.update(this.id, this.outs, this.declared)).outs as Properties;
    expect(await this.preview()).toMatchObject({ changes: false });
  }

  async refresh(): Promise<Properties> {
    const { props, inputs } = await instance.read(this.id, this.outs);
    this.outs = props as Properties;
    return inputs as Properties;
  }

  async destroy(): Promise<void> {
    await instance.delete(this.id, this.outs);
    expect(await editAsOwner('ls -A "$1"', this.at.folder.path)).toBe("");
  }

  conninfo = () => ({ primary: `host=127.0.0.1 port=${this.at.port} user=replicator`, password });
}

const rows = "SELECT string_agg(a::text, ' ' ORDER BY a) FROM public.t";

describe("a failover on PostgreSQL 15, in order:", () => {
  let source: Primary;
  let first: Driven;
  let second: Driven;

  beforeAll(async () => {
    source = await primary();
    first = new Driven(source, source.id, source.outs);
    await source.sql("CREATE TABLE public.t AS SELECT 1 AS a");
    const at = await placeOfComplete("second");
    const inputs = await at.inputs({ standby: first.conninfo() });
    const { id, outs } = await instance.create(inputs);
    second = new Driven(at, id, outs as Properties);
  });
  afterAll(async () => {
    await second?.at.folder.dispose();
    await source?.folder.dispose();
  });

  /** What the old primary has beside its four files, and its new one has not, or has otherwise. */
  async function requireOwn(): Promise<void> {
    expect(await first.its.sql("SHOW deadlock_timeout")).toEqual([{ deadlock_timeout: "2s" }]);
    expect(await editAsOwner('cat "$1/server.crt"', source.target.dataDirectory)).toBe("own\n");
  }

  it("a promotion is refused while the primary answers, and nothing is changed", async () => {
    await second.declare({ ...first.conninfo(), status: "promoted" });
    const words = messageOf(await failureOf(second.up()));
    expect(words).toContain(`127.0.0.1:${source.port} still answers`);
    expect(await second.its.sql("SELECT pg_is_in_recovery() AS standby")).toEqual([{ standby: true }]);
  });

  it("and while replay is paused, even when the primary is down", async () => {
    await second.its.sql("SELECT pg_wal_replay_pause()");
    await first.declare({}, { state: "stopped" });
    await first.up();
    expect(messageOf(await failureOf(second.up()))).toContain("its replay is paused");
    await second.its.sql("SELECT pg_wal_replay_resume()");
  });

  it("then it is done: the standby takes writes", async () => {
    await second.up();
    await second.its.sql("INSERT INTO public.t VALUES (2)");
    expect((await second.its.observe()).observed).toMatchObject({ role: "primary", server: "running" });
  });

  it("the old primary, which went on by itself, is not made a standby unasked", async () => {
    await first.declare();
    await first.up();
    await first.its.sql("INSERT INTO public.t VALUES (99)");
    await first.declare(second.conninfo());
    expect(messageOf(await failureOf(first.preview()))).toContain("a primary with data of its own");
  });

  it("nor rewound by a role that may not read the files", async () => {
    await first.declare({ ...second.conninfo(), rejoin: "rewind" });
    const words = messageOf(await failureOf(first.up()));
    expect(words).toContain("Nothing was changed. Run there in the database postgres:");
    for (const grant of words.match(/GRANT .*;/g) ?? [])
      await second.its.sql(grant.replace("the_role", "replicator"));
    expect(await first.its.sql("SELECT pg_is_in_recovery() AS standby")).toEqual([{ standby: false }]);
  });

  it("it is rewound, keeps its own configuration with all that belongs to it, and follows the new primary", async () => {
    await editAsOwner(
      `mkdir "$1/conf.d" && echo "deadlock_timeout = 2s" >"$1/conf.d/own.conf"
       echo "include_dir 'conf.d'" >>"$1/postgresql.conf"; echo own >"$1/server.crt"`,
      source.target.dataDirectory,
    );
    await editAsOwner('echo other >"$1/server.crt"', second.at.target.dataDirectory);
    await first.up();
    await requireOwn();
    await shows(first.its, rows, "1 2");
    await second.its.sql("INSERT INTO public.t VALUES (3)");
    await shows(first.its, rows, "1 2 3");
    expect(await first.its.sql("SHOW port")).toEqual([{ port: String(source.port) }]);
    expect(await first.refresh()).toMatchObject({ standby: { status: "streaming" } });
    expect(await second.its.sql("SELECT slot_name::text AS name, active FROM pg_replication_slots")).toEqual([
      { name: "main", active: true },
    ]);
  });

  it("a promotion by hand shows, and is refused to be undone by the way", async () => {
    await first.its.sql("SELECT pg_promote()");
    await first.its.sql("INSERT INTO public.t VALUES (77)");
    await first.declare(second.conninfo());
    expect(await first.refresh()).toMatchObject({ standby: { status: "promoted" } });
    expect(messageOf(await failureOf(first.preview()))).toContain("a primary with data of its own");
  });

  it("it is rebuilt beside what it has, and follows again", async () => {
    await first.declare({ ...second.conninfo(), rejoin: "rebuild" }, { settings: { work_mem: "7MB" } });
    await first.up();
    await requireOwn();
    await shows(first.its, rows, "1 2 3");
    expect(await first.its.sql("SHOW work_mem")).toEqual([{ work_mem: "7MB" }]);
    expect(await editAsOwner('ls -A "$1"', `${source.target.dataDirectory}.pginstance`)).not.toMatch(
      /new|replaced|rejoin/,
    );
  });

  it("is promoted beside its primary where that is asked for, and its slot there is released", async () => {
    await first.declare({ ...second.conninfo(), status: "promoted", promoteWhen: "always" });
    await first.up();
    expect(await second.its.sql("SELECT 1 FROM pg_replication_slots")).toEqual([]);
    await first.declare();
    await first.up();
    expect(await first.refresh()).not.toHaveProperty("standby");
  });

  it("and all is gone in the end", async () => {
    await second.destroy();
    await first.destroy();
  });
});
