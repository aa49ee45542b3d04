import type { Named } from "./import-file";

/** The program whose preview is empty once the instances are imported. */
export function printProgram(instances: readonly Named[]): string {
  const blocks = instances.map(({ resource, instance: { declared, notes } }) => {
    const { host, name, ...rest } = declared;
    const isLocal = JSON.stringify(host) === '{"local":{}}';
    const args = { ...(!isLocal && { host }), ...(name !== resource && { name }), ...rest };
    const comments = notes.map((note) => `// ${note}\n`).join("");
    return `${comments}export const ${identifier(resource)} = new Instance(${JSON.stringify(resource)}, ${print(args)});\n`;
  });
  return ['import { Instance } from "pulumi-pginstance";\n', ...blocks].join("\n");
}

/** A literal as one would write it. */
function print(value: unknown, indent = ""): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) return `[${value.map((item) => print(item, deeper)).join(", ")}]`;
  const lines = Object.entries(value).map(
    ([key, part]) => `${deeper}${printKey(key)}: ${print(part, deeper)},\n`,
  );
  return lines.length === 0 ? "{}" : `{\n${lines.join("")}${indent}}`;
}

const printKey = (key: string): string => (/^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key));

const reserved =
  /^(await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|export|extends|false|finally|for|function|if|import|in|instanceof|let|new|null|return|static|super|switch|this|throw|true|try|typeof|var|void|while|with|yield|Instance)$/;

/** Of `main-15`: main15. */
function identifier(name: string): string {
  const joined = name.replace(/[^A-Za-z0-9_]+(.?)/g, (_, next: string) => next.toUpperCase());
  return /^[A-Za-z_]/.test(joined) && !reserved.test(joined) ? joined : `_${joined}`;
}

/** A name for each resource: the instance's own, with its version, and a number, where that is taken. */
export function resourceNames(
  instances: readonly { readonly name: string; readonly version: string }[],
): string[] {
  const taken = new Set<string>();
  return instances.map(({ name, version }) => {
    const isShared = instances.filter((other) => other.name === name).length > 1;
    const wanted = isShared ? `${name}-${version}` : name;
    let free = wanted;
    for (let number = 2; taken.has(free); number++) free = `${wanted}-${number}`;
    taken.add(free);
    return free;
  });
}
