import { type Field, lexAccess } from "./access-lexer";
import { type HbaRecord, inQuotes, isKeyword } from "./hba";
import type { IdentRecord } from "./ident";

/** Records as the program would declare them, of their text: how a changed one is shown. */

export function parseHbaRecord(text: string): HbaRecord {
  const [type = "", database = "", user = "", ...rest] = fieldsOf(text);
  const hasMask = /^[0-9A-Fa-f.:]+$/.test(rest[0] ?? "") && /^[0-9A-Fa-f.:]+$/.test(rest[1] ?? "");
  const address = type === "local" ? undefined : rest.splice(0, hasMask ? 2 : 1).join(" ");
  const [method = "", ...options] = rest;
  const pairs = options.map((option) => {
    const [, name = option, value = ""] = /^([^=]*)=(.*)$/s.exec(option) ?? [];
    return [name, value] as const;
  });
  return {
    type: type as HbaRecord["type"],
    ...{ database, user, method },
    ...(address !== undefined && { address }),
    ...(pairs.length > 0 && { options: Object.fromEntries(pairs) }),
  };
}

export function parseIdentRecord(text: string): IdentRecord {
  const [map = "", systemUser = "", databaseUser = ""] = fieldsOf(text);
  return { map, systemUser, databaseUser };
}

function fieldsOf(text: string): string[] {
  return (lexAccess(text)[0]?.fields ?? []).map(fieldText);
}

/** As it is declared: quotes stay only where the name without them would mean something else. */
function fieldText(field: Field): string {
  return field
    .map(({ text, quoted }) => ((quoted && isKeyword(text)) || text.includes(",") ? inQuotes(text) : text))
    .join(",");
}
