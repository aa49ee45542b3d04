import { expect, test } from "vitest";
import { SettingsError } from "../../../provider/errors";
import { ownIdent, printIdent } from "../../../provider/postgresql/ident";

test("the owner of the server becomes its superuser", () => {
  expect(printIdent(ownIdent({ owner: "pgowner", superuser: "postgres" }), "By pginstance.")).toBe(
    [
      "# By pginstance.",
      "# MAPNAME       SYSTEM-USERNAME         PG-USERNAME",
      "pginstance      pgowner                 postgres  # pginstance auth.owner",
      "",
    ].join("\n"),
  );
});

test("names are quoted where they must be", () => {
  const [, line] = printIdent([
    { map: "my map", systemUser: 'DOMAIN\\jo "x"', databaseUser: "+my group" },
  ]).split("\n");
  expect(line?.replace(/ {2,}/g, "|")).toBe('"my map"|"DOMAIN\\jo ""x"""|+"my group"');
});

test("a superuser named like a keyword is meant by name", () => {
  expect(ownIdent({ owner: "o", superuser: "all" })[0]?.databaseUser).toBe('"all"');
});

test("a line end in a name is refused", () => {
  expect(() => printIdent([{ map: "m", systemUser: "a\nm b c", databaseUser: "x" }])).toThrow(SettingsError);
});
