import type { InstanceListItem } from "../../provider/instances";
import type { Arguments } from "./arguments";
import { everyInstance } from "./instances";
import { printJson, printTable } from "./table";

/** Every instance of an owner on a host, whoever made it. */
export async function run(given: Arguments, print: (text: string) => void) {
  const { json, where } = given;
  const items = await everyInstance(given);
  if (json) print(printJson(items));
  else if (items.length === 0) print(`No instances on ${where}. With --under DIR more places are looked at.`);
  else print(printTable(head, items.map(rowOf)));
  return 0;
}

const head = ["NAME", "VERSION", "PORT", "STATUS", "MANAGED", "DATA DIRECTORY", "PROBLEM"];

function rowOf({ name, version, port, status, managed, dataDirectory, problem = "" }: InstanceListItem) {
  const words = problem.startsWith(`${dataDirectory} `) ? problem.slice(dataDirectory.length + 1) : problem;
  return [name, version, String(port ?? "-"), status, managed ? "yes" : "no", dataDirectory, words];
}
