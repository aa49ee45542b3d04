/** A primary and its standbys by the provider's own methods, on servers that have the client programs. */
import { instance } from "../../provider/resources/instance";
import type { Properties } from "../../provider/schema/check";
import { handles, type Live, type Place, place } from "./instances";
import { until } from "./processes";
import { completePrograms } from "./servers";

/** One that is complete: the embedded ones have no client programs. */
export const major = "15";

export const password = "c4nary: s3cret\\";

/** Where an instance of that major can be made. */
export async function placeOfComplete(name: string): Promise<Place> {
  const at = await place(major, name);
  const binDirectory = await completePrograms(major);
  return {
    ...at,
    target: { ...at.target, binDirectory },
    inputs: (more = {}) => at.inputs({ binDirectory, ...more }),
  };
}

export interface Primary extends Live {
  /** For standbys, without password. */
  readonly conninfo: string;
  /** Names of its slots. */
  slots(): Promise<string[]>;
}

/** A primary with a role that may replicate; its records let that in from this machine. */
export async function primary(more: Properties = {}): Promise<Primary> {
  const at = await placeOfComplete("main");
  try {
    const { id, outs } = await instance.create(await at.inputs(more));
    const its = handles(at.target);
    await its.sql(`CREATE ROLE replicator LOGIN REPLICATION PASSWORD '${password}'`);
    return {
      ...at,
      ...{ id, outs: outs as Properties },
      ...its,
      conninfo: `host=127.0.0.1 port=${at.port} user=replicator`,
      slots: async () =>
        (await its.sql("SELECT slot_name AS name FROM pg_replication_slots ORDER BY 1")).map(({ name }) =>
          String(name),
        ),
    };
  } catch (error) {
    await at.folder.dispose();
    throw error;
  }
}

/** Waits until a statement gives this in a session of the superuser. */
export function shows(its: Pick<Live, "sql">, statement: string, wanted: unknown): Promise<true> {
  return until(`${wanted} by ${statement}`, async () => {
    const [row = {}] = await its.sql(statement).catch(() => []);
    return Object.values(row)[0] === wanted;
  });
}

/** A server that was killed may hold its slot for a moment yet. */
export async function dropSlots(source: Primary): Promise<void> {
  await until("the end of every slot", async () => {
    await source.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active");
    return (await source.slots()).length === 0;
  });
}

/** A row that is written now comes through, in a table `t`. */
export async function requireFollows(source: Primary, standby: Place): Promise<void> {
  const [row] = await source.sql("INSERT INTO public.t SELECT max(a) + 1 FROM public.t RETURNING a");
  await shows(handles(standby.target), "SELECT max(a) FROM public.t", row?.a);
}
