/**
 * Connection strings of keywords and values, `host=db1 port=5432`, as libpq reads them: conninfo_parse() in
 * src/interfaces/libpq/fe-connect.c. https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
 */

export type Conninfo = Readonly<Record<string, string>>;

/** `keyword`, spaces, `=`, spaces, then a value in quotes or without; a backslash takes the next letter as it is. */
const parameter = /\s*([^\s=']+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'(?=\s|$)|((?:[^\s'\\]|\\.)*)(?=\s|$))/sy;

/** undefined when libpq would refuse it. The last of two parameters with one name counts. */
export function parseConninfo(text: string): Conninfo | undefined {
  const found: [string, string][] = [];
  parameter.lastIndex = 0;
  let end = 0;
  for (let match = parameter.exec(text); match; match = parameter.exec(text)) {
    const [, keyword = "", quoted, plain = ""] = match;
    found.push([keyword, (quoted ?? plain).replace(/\\(.)/gs, "$1")]);
    end = parameter.lastIndex;
  }
  return text.slice(end).trim() === "" ? Object.fromEntries(found) : undefined;
}

export function printConninfo(parameters: Conninfo): string {
  return Object.entries(parameters)
    .map(([keyword, value]) => `${keyword}=${/^[^\s'\\]+$/.test(value) ? value : quote(value)}`)
    .join(" ");
}

const quote = (value: string): string => `'${value.replace(/['\\]/g, "\\$&")}'`;

/** How people call the place: `db1:5432`. */
export function placeOf({ host, hostaddr, port = "5432" }: Conninfo): string {
  return `${host ?? hostaddr ?? "localhost"}:${port}`;
}
