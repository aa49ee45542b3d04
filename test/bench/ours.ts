/** The provider's own methods, called as the engine calls them. */
import { instance } from "../../provider/resources/instance";
import type { Properties } from "../../provider/schema/check";
import type { Means } from "./means";
import type { Site, Spot } from "./site";

export interface Ours extends Required<Means> {
  /** Declares more than the spot's own inputs from now on, and makes it so. */
  update(spot: Spot, more: Properties): Promise<void>;
  /** The same instances, as if their host had always been reached that way. */
  through(other: Site): Ours;
}

type Known = Map<string, { readonly id: string; readonly outs: Properties }>;

export function ours(site: Site, known: Known = new Map()): Ours {
  let ways = 0;
  const inputs = (spot: Spot, more: Properties) =>
    checkedInputs(site, spot, { host: site.access(ways), ...more });
  const stateOf = ({ name }: Spot) => {
    const state = known.get(name);
    if (!state) throw new Error(`${name} was not made by us`);
    return state;
  };
  const create = async (spot: Spot, more: Properties = {}) => {
    const { id, outs } = await instance.create(await inputs(spot, more));
    known.set(spot.name, { id, outs: outs as Properties });
  };
  const update = async (spot: Spot, more: Properties) => {
    const { id, outs } = stateOf(spot);
    const result = await instance.update(id, outs, await inputs(spot, more));
    known.set(spot.name, { id, outs: result.outs as Properties });
  };
  const read = async (spot: Spot) => {
    const { id, outs } = stateOf(spot);
    await instance.read(id, { ...outs, host: site.access(ways) });
  };
  return {
    name: "ours",
    create,
    update,
    configure: (spot, value) => update(spot, { settings: { work_mem: value } }),
    read,
    connect: read,
    through: (other) => ours(other, known),
    // Another way to the host, so another connection; the one before ends by itself when it has been idle.
    async disconnect() {
      ways += 1;
    },
  };
}

/** The same instance as everybody's: sockets in the site's folder, 8 MB of work_mem, checksums. */
async function checkedInputs(site: Site, spot: Spot, { settings, ...more }: Properties): Promise<Properties> {
  const urn = `urn:pulumi:bench::program::pulumi-nodejs:dynamic/pginstance:Instance::${spot.name}`;
  const { inputs: checked, failures } = await instance.check(
    {},
    {
      __urn: urn,
      name: spot.name,
      version: site.programs.major,
      port: spot.port,
      dataDirectory: spot.data,
      binDirectory: site.programs.binDirectory,
      owner: site.owner,
      locale: "C.UTF-8",
      deletionProtection: false,
      settings: { unix_socket_directories: site.folder, work_mem: "8MB", ...(settings as object) },
      ...more,
    },
  );
  if (failures?.length) throw new Error(failures.map(({ reason }) => reason).join("\n"));
  return checked;
}
