import { examine, type Finding } from "../../provider/instances";
import type { Arguments } from "./arguments";
import { printJson, printLines } from "./table";

/** What would stop a deployment, and what to do about it. */
export async function run({ host, look, json, exitCode }: Arguments, print: (text: string) => void) {
  const findings: Finding[] = [];
  for await (const finding of examine(host, look)) {
    findings.push(finding);
    if (!json) print(printFinding(finding));
  }
  const isWrong = ({ level }: Finding) => level === "failed" || (exitCode && level === "warning");
  const isFine = !findings.some(isWrong);
  if (json) print(printJson({ ok: isFine, findings }));
  return isFine ? 0 : 1;
}

function printFinding({ level, text, remedy }: Finding): string {
  const words = remedy === null ? text : `${text}\n${remedy}`;
  return `${level.padEnd(indent.length)}${printLines(words, indent)}`;
}

const indent = " ".repeat(9);
