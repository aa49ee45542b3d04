import { type InstanceListItem, list, type Ref } from "../../provider/instances";
import type { Arguments } from "./arguments";

/** Every instance of an owner on a host, whoever made it. */
export async function everyInstance({
  host,
  look,
}: Pick<Arguments, "host" | "look">): Promise<InstanceListItem[]> {
  const items: InstanceListItem[] = [];
  for await (const item of list(host, { ...look, others: true })) items.push(item);
  return items;
}

/** By its name, with its version before it as messages say it, or by its data directory. */
export function isCalled(
  { name, version, dataDirectory }: Pick<InstanceListItem, "name" | "version" | "dataDirectory">,
  word: string,
): boolean {
  const path = word.replace(/(?<=.)\/+$/, "");
  return path.startsWith("/") ? path === dataDirectory : word === name || word === `${version}/${name}`;
}

/** Programs that are not in a usual place are found where it was started. */
export function refOf({ look }: Pick<Arguments, "look">, item: InstanceListItem): Ref {
  const { owner, become, superuser, binDirectory = item.binDirectory ?? undefined } = look;
  const { name, version, dataDirectory } = item;
  return { name, version: version as Ref["version"], dataDirectory, owner, become, superuser, binDirectory };
}
