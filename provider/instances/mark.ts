import type { Session } from "../host/session";
import { type Marker, printMarker } from "../server/marker";
import type { Observation } from "../server/observe";
import type { Opened } from "./open";

/** Says beside the data directory whose it is, where that is not said already. */
export async function mark(
  session: Session,
  { target }: Pick<Opened, "target">,
  { marker, observed }: Pick<Observation, "marker" | "observed">,
  who: Pick<Marker, "id" | "urnHash" | "stack" | "phase">,
): Promise<void> {
  const { name, dataDirectory } = target;
  const { systemIdentifier, role, adopted } = observed;
  const whole = { ...who, name, dataDirectory, systemIdentifier, role };
  const text = printMarker(adopted ? { ...whole, adopted } : whole);
  if (marker === undefined || printMarker(marker) !== text) await session.write("marker.json", text);
}
