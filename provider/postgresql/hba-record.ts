import { type Field, lexAccess, type Token } from "./access-lexer";
import { type HbaRecord, inQuotes, isInQuotes, isKeyword } from "./hba";
import type { IdentRecord } from "./ident";

/** Records as the program would declare them, of their text: how a changed one is shown. */

export function parseHbaRecord(text: string): HbaRecord {
  const fields = fieldsOf(text);
  const [type = "", database = "", user = "", ...rest] = fields.map(fieldText);
  const hasMask = /^[0-9A-Fa-f.:]+$/.test(rest[0] ?? "") && /^[0-9A-Fa-f.:]+$/.test(rest[1] ?? "");
  const address = type === "local" ? undefined : rest.splice(0, hasMask ? 2 : 1).join(" ");
  const [method = "", ...options] = rest;
  // Commas part options as blanks do.
  const pairs = fields.slice(fields.length - options.length).flatMap((field) => field.map(optionOf));
  return {
    type: type as HbaRecord["type"],
    ...{ database, user, method },
    ...(address !== undefined && { address }),
    ...(pairs.length > 0 && { options: Object.fromEntries(pairs) }),
  };
}

export function parseIdentRecord(text: string): IdentRecord {
  const [map = "", systemUser = "", databaseUser = ""] = fieldsOf(text).map(fieldText);
  return { map, systemUser, databaseUser };
}

const fieldsOf = (text: string): readonly Field[] => lexAccess(text)[0]?.fields ?? [];

const fieldText = (field: Field): string => field.map(tokenText).join(",");

/** As it is declared: quotes stay only where the name without them would mean something else. */
function tokenText({ text, quoted }: Token): string {
  if (quoted && isKeyword(text)) return inQuotes(text);
  const [, sign = "", name = ""] = /^([+@]?)(.*)$/s.exec(text) ?? [];
  const isPlain = !name.includes(",") && !isInQuotes(name) && name === name.trim();
  return sign + (isPlain ? name : inQuotes(name));
}

function optionOf({ text }: Token): [name: string, value: string] {
  const [, name = text, value = ""] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  return [name, isInQuotes(value) ? inQuotes(value) : value];
}
