/** A pair by the instances API: who follows whom, and the ways to turn it round. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  apply,
  demote,
  drop,
  get,
  InstanceReadOnlyError,
  type Manifest,
  pauseReplay,
  promote,
  type Ref,
  type Replication,
  resumeReplay,
  stop,
  upgrade,
} from "../../../provider/instances";
import { failureOf, handles, messageOf, type Place } from "../../support/instances";
import { again, Killer } from "../../support/killed";
import { until } from "../../support/processes";
import { major, password, placeOfComplete, shows } from "../../support/standby";

const here = { local: {} };

describe("a primary and a standby by the API, in order:", () => {
  let killer: Killer;
  const places: Record<string, Place> = {};
  const at = (name: string): Place => {
    const found = places[name];
    if (!found) throw new Error(name);
    return found;
  };
  const refOf = (name: string): Ref => {
    const { dataDirectory, binDirectory, owner } = at(name).target;
    return { name, version: major, dataDirectory, binDirectory, owner };
  };
  const manifest = (name: string, more: Partial<Manifest> = {}): Manifest => ({
    ...refOf(name),
    port: at(name).port,
    settings: { unix_socket_directories: at(name).folder.path },
    ...more,
  });
  const source = (name: string) => `host=127.0.0.1 port=${at(name).port} user=replicator`;
  const its = (name: string) => handles(at(name).target);
  const rows = "SELECT string_agg(a::text, ' ' ORDER BY a) FROM public.t";

  /** Once it is as far as that. */
  const replication = (name: string, ready: (found: Replication) => boolean | undefined) =>
    until(`the replication of ${name}`, async () => {
      const { replication: found } = await get(here, refOf(name));
      return found !== null && ready(found) === true && found;
    });

  beforeAll(async () => {
    killer = await Killer.open();
    for (const name of ["first", "second"]) places[name] = await placeOfComplete(name);
    await apply(here, manifest("first"));
    await its("first").sql(`CREATE ROLE replicator SUPERUSER LOGIN REPLICATION PASSWORD '${password}'`);
    await its("first").sql("CREATE TABLE public.t AS SELECT 1 AS a");
  });
  afterAll(async () => {
    for (const { folder } of Object.values(places)) await folder.dispose();
    await killer?.dispose();
  });

  it("a standby is applied as anything else, and get says how it follows", async () => {
    const standby = { primary: source("first"), password, status: "streaming" } as const;
    const made = await apply(here, manifest("second", { standby }));
    expect(made).toMatchObject({ changeState: "created" });
    expect(made.steps.map(({ kind }) => kind)).toEqual([
      "writePassfile",
      "baseBackup",
      "writeConfiguration",
      "start",
    ]);
    const { receiver } = await replication("second", (found) => found.receiver?.state === "streaming");
    expect(receiver).toMatchObject({ slot: "second", lagBytes: 0, lagSeconds: 0, paused: false });
    const { senders, slots } = await replication(
      "first",
      ({ senders: [sender] }) => sender?.state === "streaming",
    );
    expect(senders).toEqual([
      expect.objectContaining({ name: "second", address: "127.0.0.1", slot: "second", syncState: "async" }),
    ]);
    expect(slots).toEqual([expect.objectContaining({ name: "second", active: true, walStatus: "reserved" })]);
    expect(await apply(here, manifest("second", { standby }))).toMatchObject({
      changeState: null,
      steps: [],
    });
  });

  it("it is not taken for an instance of its own by a manifest that forgets whose it is", async () => {
    expect(messageOf(await failureOf(apply(here, manifest("second"))))).toContain(
      "standby: this instance is a standby",
    );
  });

  it("nor upgraded: that is its primary's", async () => {
    const failure = await failureOf(upgrade(here, refOf("second"), { version: "17" }));
    expect(failure).toBeInstanceOf(InstanceReadOnlyError);
  });

  it("replay stops and goes on, and get says how far it is behind", async () => {
    await its("first").sql("INSERT INTO public.t VALUES (2)");
    await shows(its("second"), rows, "1 2");
    await pauseReplay(here, refOf("second"));
    await its("first").sql("INSERT INTO public.t VALUES (3)");
    const { receiver } = await replication("second", (found) => Number(found.receiver?.lagBytes) > 0);
    expect(receiver?.paused).toBe(true);
    expect(Number(receiver?.lagSeconds)).toBeGreaterThan(0);
    await resumeReplay(here, refOf("second"));
    await shows(its("second"), rows, "1 2 3");
    expect(messageOf(await failureOf(pauseReplay(here, refOf("first"))))).toContain("is no standby");
  });

  it("only a standby is promoted, and its slot goes with that, if a second call has to see to it", async () => {
    expect(messageOf(await failureOf(promote(here, refOf("first"))))).toContain("is no standby");
    const slots = async () => (await its("first").sql("SELECT slot_name FROM pg_replication_slots")).length;
    await killer.kill("promote", [here, refOf("second")], { step: "slot" });
    expect(await its("second").sql("SELECT pg_is_in_recovery() AS standby")).toEqual([{ standby: false }]);
    expect(await slots()).toBe(1);
    expect(await again(() => promote(here, refOf("second")))).toEqual({ promoted: false, warnings: [] });
    expect(await slots()).toBe(0);
    await its("first").sql("SELECT pg_create_physical_replication_slot('second')");
    expect(await promote(here, refOf("second"))).toEqual({ promoted: false, warnings: [] });
    expect(await slots()).toBe(1);
    await its("first").sql("SELECT pg_drop_replication_slot('second')");
    await its("second").sql("INSERT INTO public.t VALUES (4)");
    await its("first").sql("INSERT INTO public.t VALUES (99)");
    expect(await get(here, refOf("second"))).toMatchObject({
      role: "primary",
      replication: { receiver: null, senders: [], slots: [] },
    });
    expect((await get(here, refOf("first"))).replication?.slots).toEqual([]);
  });

  it("the old primary is demoted, with its own settings, and follows", async () => {
    await demote(here, refOf("first"), { source: source("second"), password });
    await shows(its("first"), rows, "1 2 3 4");
    expect(await its("first").sql("SHOW port")).toEqual([{ port: String(at("first").port) }]);
    expect(
      messageOf(await failureOf(demote(here, refOf("first"), { source: source("second"), password }))),
    ).toContain("is a standby already");
    expect(messageOf(await failureOf(demote(here, refOf("second"), { source: "db1" })))).toContain(
      "standby.primary: is no connection string",
    );
  });

  it("a standby follows a standby", async () => {
    places.third = await placeOfComplete("third");
    await apply(
      here,
      manifest("third", { standby: { primary: source("first"), password, status: "streaming" } }),
    );
    await its("second").sql("INSERT INTO public.t VALUES (5)");
    await shows(its("third"), rows, "1 2 3 4 5");
    const { senders, receiver } = await replication("first", (found) => found.senders.length === 1);
    expect(receiver?.state).toBe("streaming");
    expect(senders[0]).toMatchObject({ name: "third", slot: "third" });
  });

  it("each is dropped with its slot, and a stopped one has nothing to say of replication", async () => {
    await stop(here, refOf("third"));
    expect((await get(here, refOf("third"))).replication).toBeNull();
    expect(await drop(here, refOf("third"))).toBe(true);
    expect((await get(here, refOf("first"))).replication?.slots).toEqual([]);
    expect(await drop(here, refOf("first"))).toBe(true);
    expect((await get(here, refOf("second"))).replication?.slots).toEqual([]);
    await drop(here, refOf("second"));
  });
});
