import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type InstanceListItem, importable, ProviderError } from "../../provider/instances";
import { type Arguments, UsageError } from "./arguments";
import { type Named, printImportFile } from "./import-file";
import { everyInstance, isCalled, refOf } from "./instances";
import { printProgram, resourceNames } from "./program";
import { printJson, printLines } from "./table";

/** Every instance of an owner on a host, whoever made it, as Pulumi's import file and as a program. Nothing on the host changes. */
export async function run(given: Arguments, print: (text: string) => void): Promise<number> {
  const { host, where, json, into, only } = given;
  const items = (await everyInstance(given)).filter((item) => isMeant(item, only));
  const names = resourceNames(items);
  const found: Named[] = [];
  const failed: string[] = [];
  for (const [index, item] of items.entries()) {
    const resource = names[index] ?? item.name;
    try {
      found.push({ resource, instance: await importable(host, refOf(given, item)) });
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      failed.push(`${item.version}/${item.name} is left out: ${error.message}`);
    }
  }
  const files = { [fileNames.resources]: printImportFile(found), [fileNames.program]: printProgram(found) };
  if (json) print(printJson({ ...files, failed }));
  else {
    for (const line of failed) print(printLines(line, "  "));
    if (found.length === 0)
      print(`No instance on ${where} can be imported. With --under DIR more places are looked at.`);
    else print(await write(files, into, found.length));
  }
  return failed.length > 0 || found.length === 0 ? 1 : 0;
}

const isMeant = (item: InstanceListItem, only: readonly string[]): boolean =>
  only.length === 0 || only.some((word) => isCalled(item, word));

const fileNames = { resources: "import.json", program: "instances.ts" } as const;

/** What is there is never overwritten: the program may have been worked on. */
async function write(files: Readonly<Record<string, string>>, into: string, count: number): Promise<string> {
  const taken = Object.keys(files).find((name) => existsSync(join(into, name)));
  if (taken !== undefined)
    throw new UsageError(`${join(into, taken)} is there already; --into DIR writes elsewhere`);
  for (const [name, text] of Object.entries(files))
    await writeFile(join(into, name), text, { flag: "wx", mode: 0o600 });
  const [resources, program] = [fileNames.resources, fileNames.program].map((name) => join(into, name));
  return `${count} instance${count === 1 ? "" : "s"}: ${resources} and ${program}. In the Pulumi project, with the program in it:
  pulumi import --file ${resources} --generate-code=false
  pulumi preview --expect-no-changes
Then delete ${resources}: it holds what was found in their files.`;
}
