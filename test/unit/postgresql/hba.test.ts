import { describe, expect, test } from "vitest";
import { SettingsError } from "../../../provider/errors";
import {
  authMethods,
  defaultHba,
  type HbaRecord,
  hbaName,
  ownHba,
  printHba,
} from "../../../provider/postgresql/hba";

const host = (fields: Partial<HbaRecord>): HbaRecord => ({
  type: "host",
  database: "all",
  user: "all",
  address: "all",
  method: "reject",
  ...fields,
});
const columns = (fields: Partial<HbaRecord>) =>
  printHba([host(fields)])
    .split("\n")[1]
    ?.replace(/ {2,}/g, "|");

describe("the records of a new instance", () => {
  const auth = { local: "peer", host: "scram-sha-256" };

  test("stand in initdb's columns, the provider's own way in first", () => {
    expect(printHba([...ownHba("postgres"), ...defaultHba(auth)], "By pginstance.")).toBe(
      [
        "# By pginstance.",
        "# TYPE  DATABASE        USER            ADDRESS                 METHOD",
        "local   all             postgres                                peer map=pginstance  # pginstance own.all",
        "local   replication     postgres                                peer map=pginstance  # pginstance own.replication",
        "local   all             all                                     peer  # pginstance auth.local.all",
        "local   replication     all                                     peer  # pginstance auth.local.replication",
        "host    all             all             127.0.0.1/32            scram-sha-256  # pginstance auth.host.all.ipv4",
        "host    all             all             ::1/128                 scram-sha-256  # pginstance auth.host.all.ipv6",
        "host    replication     all             127.0.0.1/32            scram-sha-256  # pginstance auth.host.replication.ipv4",
        "host    replication     all             ::1/128                 scram-sha-256  # pginstance auth.host.replication.ipv6",
        "",
      ].join("\n"),
    );
  });

  test("have TLS from anywhere before the plain ones when asked", () => {
    const records = defaultHba({ ...auth, hostssl: "cert" });
    expect(records.map(({ type }) => type).indexOf("hostssl")).toBe(2);
    expect(records[2]).toEqual({
      type: "hostssl",
      database: "all",
      user: "all",
      address: "all",
      method: "cert",
      label: "auth.hostssl.all",
    });
  });

  test("mean the superuser also where its name is a keyword", () => {
    expect(ownHba("all")[0]?.user).toBe('"all"');
  });
});

describe("a field", () => {
  test.each([
    ["a keyword", "replication", "replication"],
    ["a list", "a,b", "a,b"],
    ["a list with white space", "a, b", "a,b"],
    ["a space", "my db", '"my db"'],
    ["a quote", 'my"db', '"my""db"'],
    ["an item that needs quotes in a list", "a,b c", 'a,"b c"'],
    ["a comment sign", "a#b", '"a#b"'],
    ["a backslash, which continues a line at its end", "a\\", '"a\\"'],
    ["quotes already", '"all",x', '"all",x'],
    ["a comma in quotes", '"a,b",c', '"a,b",c'],
    ["a group with a space", "+my group", '+"my group"'],
    ["a file", "@admins", "@admins"],
    ["a pattern", "/^x$", "/^x$"],
    ["nothing", "", '""'],
  ])("with %s", (_, database, written) => {
    expect(columns({ database })).toBe(`host|${written}|all|all|reject`);
  });

  test.each(["a\nlocal all all trust", "a\rb", "a\0b"])("%j is refused", (user) => {
    expect(() => printHba([host({ user })])).toThrow(SettingsError);
    expect(() => printHba([host({ address: user })])).toThrow(SettingsError);
    expect(() => printHba([host({ options: { map: user } })])).toThrow(SettingsError);
    expect(() => printHba([host({ options: { [user]: "x" } })])).toThrow(SettingsError);
  });
});

test("an address may have a mask", () => {
  expect(columns({ address: "10.0.0.0 255.0.0.0" })).toBe("host|all|all|10.0.0.0 255.0.0.0|reject");
});

test("options are quoted where they must be", () => {
  expect(columns({ method: "ldap", options: { ldapbasedn: "dc=a, dc=b", ldapport: "389" } })).toBe(
    'host|all|all|all|ldap ldapbasedn="dc=a, dc=b" ldapport=389',
  );
});

test("columns grow with what is in them", () => {
  const [heading = "", line = ""] = printHba([host({ type: "hostnogssenc", user: "u".repeat(20) })]).split(
    "\n",
  );
  expect(line).toContain("hostnogssenc all");
  expect(heading.indexOf("METHOD")).toBe(line.indexOf("reject"));
});

test("a comment cannot break out of its line", () => {
  expect(printHba([host({})], "x\r\ny").split("\n")).toEqual([
    "# x",
    "# y",
    expect.stringMatching(/^# TYPE/),
    expect.stringMatching(/^host/),
    "",
  ]);
});

test.each([
  ["postgres", "postgres"],
  ["all", '"all"'],
  ["+x", '"+x"'],
  ["@x", '"@x"'],
  ["a,b", '"a,b"'],
  ["", '""'],
])("as a name %j is %s", (name, written) => {
  expect(hbaName(name)).toBe(written);
});

test("peer is for sockets, cert for TLS", () => {
  expect(authMethods.local).toContain("peer");
  expect(authMethods.local).not.toContain("ident");
  expect(authMethods.host).not.toContain("peer");
  expect(authMethods.host).not.toContain("cert");
  expect(authMethods.hostssl).toContain("cert");
});
