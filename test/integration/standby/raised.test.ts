/** A primary that is raised above its standby: what is said of that, and the way to a promotion. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { examine, get, resumeReplay } from "../../../provider/instances";
import { converge } from "../../../provider/instances/converge";
import { inspect } from "../../../provider/instances/inspect";
import { instance } from "../../../provider/resources/instance";
import type { Properties } from "../../../provider/schema/check";
import { parseInputs } from "../../../provider/schema/inputs";
import { parseState } from "../../../provider/schema/state";
import { pgCtl } from "../../../provider/server/service";
import { failureOf, handles, messageOf, type Place } from "../../support/instances";
import { major, type Primary, password, placeOfComplete, primary, shows } from "../../support/standby";

const low = "max_connections is 71 here and 120 on its primary";

describe("a standby on PostgreSQL 15 whose primary is raised above it, in order:", () => {
  let source: Primary;
  let at: Place;
  let id: string;
  let outs: Properties;
  const its = () => handles(at.target);
  const ref = () => ({ ...at.target, version: major }) as const;

  beforeAll(async () => {
    source = await primary({ settings: { max_connections: 71 } });
    await source.sql("CREATE TABLE public.t AS SELECT 1 AS a");
    at = await placeOfComplete("second");
    const made = await instance.create(await at.inputs({ standby: { primary: source.conninfo, password } }));
    ({ id, outs } = made as { id: string; outs: Properties });
  });
  afterAll(async () => {
    await at?.folder.dispose();
    await source?.folder.dispose();
  });

  const raise = (max_connections: number) => ({ settings: { max_connections }, restartOnChanges: true });

  /** Of the primary, whose state knows of no standby. */
  async function change(more: Properties): Promise<readonly string[]> {
    const inputs = parseInputs(await source.inputs(more));
    const known = { id: source.id, remembered: parseState(source.outs) };
    const outcome = await converge({ inputs, declared: [], known, progress: () => undefined });
    if (outcome.failure) throw outcome.failure;
    return outcome.warnings;
  }

  /** What `check` would not say of a new resource. */
  async function promoting(standby: Properties, more: Properties = {}): Promise<Properties> {
    const inputs = await at.inputs({ standby: { primary: source.conninfo, password }, ...more });
    return { ...inputs, standby: { ...(inputs.standby as object), status: "promoted", ...standby } };
  }

  it("the update of the primary says so where its preview could not", async () => {
    expect(await change(raise(120))).toEqual([
      expect.stringMatching(/^max_connections of 15\/main .* is raised while second follow: .* replay/),
    ]);
  });

  it("a refresh says why it replays nothing, and so does an examination", async () => {
    await source.sql("INSERT INTO public.t VALUES (2)");
    await shows(its(), "SELECT pg_get_wal_replay_pause_state()", "paused");
    const { lines } = await inspect(id, parseState(outs));
    expect(lines).toContainEqual({
      severity: "warning",
      text: expect.stringContaining(`nothing since ${low}`),
    });
    const { belowPrimary } = await get({ local: {} }, ref());
    expect(belowPrimary).toEqual([{ name: "max_connections", running: 71, least: 120 }]);
    const findings = [];
    const { version } = ref();
    const places = [at.target.dataDirectory.replace(/\/[^/]+$/, "")];
    const options = { version, owner: at.target.owner, under: places, binDirectory: at.target.binDirectory };
    for await (const finding of examine({ local: {} }, options)) findings.push(finding);
    expect(findings).toContainEqual({
      level: "warning",
      text: `15/second replays nothing since ${low}`,
      remedy: expect.stringContaining("restartOnChanges: true"),
    });
  });

  it("nor is it resumed, by which it would shut down", async () => {
    expect(messageOf(await failureOf(resumeReplay({ local: {} }, ref())))).toContain(
      `would shut down, since ${low}`,
    );
    expect(await its().sql("SELECT 1 AS up")).toEqual([{ up: 1 }]);
  });

  it("a promotion without a restart is refused with the cause and the cure, however much it is wanted", async () => {
    await source.locked((session) => pgCtl(source.target).stop(session, "fast", 60));
    outs = (await instance.read(id, outs)).props as Properties;
    for (const standby of [{}, { promoteWhen: "always" }]) {
      const words = messageOf(await failureOf(instance.update(id, outs, await promoting(standby))));
      expect(words).toContain(`its replay is paused, since ${low}`);
      expect(words).toContain("Nothing was changed. Restart it with at least that first");
    }
    expect(await its().sql("SHOW max_connections")).toEqual([{ max_connections: "71" }]);
  });

  it("with one it is restarted, then promoted, and has all that it received", async () => {
    const declared = await promoting({}, { restartOnChanges: true });
    outs = (await instance.update(id, outs, declared)).outs as Properties;
    expect(outs).toMatchObject({ role: "primary", pendingRestart: false });
    expect(await its().sql("SHOW max_connections")).toEqual([{ max_connections: "120" }]);
    await its().sql("INSERT INTO public.t VALUES (3)");
    expect(await its().sql("SELECT string_agg(a::text, ' ' ORDER BY a) AS all FROM public.t")).toEqual([
      { all: "1 2 3" },
    ]);
    expect(await instance.diff(id, outs, declared)).toMatchObject({ changes: false });
  });
});
