import { describe, expect, it } from "vitest";
import { filedAs, knownTypes, lookUp, parseKnownHosts } from "../../../../provider/host/ssh/known-hosts";
import { blobOf, ecdsa, ed25519, rsa } from "../../../support/public-keys";

const own = ed25519(1);
const other = ed25519(2);
const big = rsa(256);

/** What these lines say of the key `own`, offered by db1. */
function ask(lines: readonly string[], { host = "db1", port = 22, offered = own } = {}): string {
  const known = parseKnownHosts(lines.join("\n"), "known_hosts");
  const answer = lookUp(known, host, port, blobOf(offered));
  return [answer.verdict, ...answer.lines.map(({ line }) => line)].join(" ");
}

describe("a key", () => {
  it("is the host's when any line of the host has it", () => {
    expect(ask([`db1 ${own}`])).toBe("match 1");
    expect(ask([`db1 ${other}`, `db2 ${own}`, `db1 ${big}`, `db1 ${own} comment`])).toBe("match 4");
  });

  it("has changed when the lines of the host have only others, of whatever type", () => {
    expect(ask([`db2 ${own}`, `db1 ${other}`, `db1 ${big}`])).toBe("changed 2 3");
  });

  it("is unknown when no line is of the host", () => {
    expect(ask([])).toBe("unknown");
    expect(ask([`db2 ${own}`, `*.db1 ${own}`])).toBe("unknown");
  });

  it("is revoked when a line of the host says so, wherever else it is", () => {
    expect(ask([`db1 ${own}`, `@revoked * ${own}`])).toBe("revoked 2");
    expect(ask([`@revoked db1 ${own}`])).toBe("revoked 1");
    expect(ask([`@revoked db2 ${own}`, `db1 ${own}`])).toBe("match 2");
    expect(ask([`@revoked db1 ${other}`, `db1 ${own}`])).toBe("match 2");
    expect(ask([`@revoked db1 ${other}`])).toBe("unknown");
  });

  it("is not that of an authority, even where it is the authority's own", () => {
    expect(ask([`@cert-authority *,!db2 ${own}`])).toBe("caOnly 1");
    expect(ask([`@cert-authority * ${own}`, `db1 ${other}`])).toBe("changed 2");
    expect(ask([`@cert-authority * ${other}`, `db1 ${own}`])).toBe("match 2");
    expect(ask([`@cert-authority * ${own}`], { host: "db2", port: 2222 })).toBe("caOnly 1");
  });
});

describe("the files", () => {
  it("are as good as one, and each line is told by its file", () => {
    const known = [...parseKnownHosts(`db1 ${other}`, "/a"), ...parseKnownHosts(`\ndb1 ${big}`, "/b")];
    const answer = lookUp(known, "db1", 22, blobOf(own));
    expect(answer.lines.map(({ file, line }) => `${file}:${line}`)).toEqual(["/a:1", "/b:2"]);
  });
});

describe("a port", () => {
  it("other than 22 is part of the name", () => {
    expect(filedAs("DB1", 22)).toEqual(["db1"]);
    expect(filedAs("::1", 2222)).toEqual(["[::1]:2222", "::1"]);
    expect(ask([`[db1]:2222 ${own}`])).toBe("unknown");
    expect(ask([`[db1]:2222 ${own}`], { port: 2222 })).toBe("match 1");
    expect(ask([`[db1]:22 ${own}`])).toBe("unknown");
  });

  it("needs no line of its own where the host's has the key", () => {
    expect(ask([`db1 ${own}`], { port: 2222 })).toBe("match 1");
    expect(ask([`db1 ${other}`], { port: 2222 })).toBe("unknown");
  });

  it("with a line of its own does not take the host's", () => {
    expect(ask([`db1 ${own}`, `[db1]:2222 ${other}`], { port: 2222 })).toBe("changed 2");
  });

  it("does not save a key that is revoked for the host", () => {
    expect(ask([`@revoked db1 ${own}`, `[db1]:2222 ${own}`], { port: 2222 })).toBe("revoked 1");
  });
});

describe("names", () => {
  it.each([
    ["db1", "db1"],
    ["DB1", "db1"],
    ["db1", "DB1"],
    ["x,db1,y", "db1"],
    ["*", "db1"],
    ["d*1", "db1"],
    ["db?", "db1"],
    ["db1*", "db1"],
    ["**db1", "db1"],
    ["*.example.com", "a.b.example.com"],
    ["!db2,*", "db1"],
    ["10.0.0.?", "10.0.0.7"],
    ["::1", "::1"],
  ])("%s is for %s", (names, host) => {
    expect(ask([`${names} ${own}`], { host })).toBe("match 1");
  });

  it.each([
    ["db", "db1"],
    ["db1", "db"],
    ["db1?", "db1"],
    ["?", "db1"],
    ["*.example.com", "example.com"],
    ["!db1", "db2"],
    ["!db1,*", "db1"],
    ["*,!db1", "db1"],
    ["db1,!DB?", "db1"],
    ["db.", "db1"],
    ["db[1]", "db1"],
    ["10.0.0.0/24", "10.0.0.7"],
    ["", "db1"],
    ["#db1", "db1"],
  ])("%s is not for %s", (names, host) => {
    expect(ask([`${names} ${own}`], { host })).toBe("unknown");
  });

  it("may be hashed, as ssh-keygen -H has done here", () => {
    const lines = [
      `|1|u10mgWqsWqpIQbT5ZRkK8HmXnIU=|/SfBuPcHV6ubumXdnR8Npw4Bzro= ${own}`,
      `|1|zbVx+hc8Kuc4doX7w+2ipfYznXI=|F0Fd8PfsnIbSFkrL1/GAXfI45vc= ${other}`,
    ];
    expect(ask(lines, { host: "h" })).toBe("match 1");
    expect(ask(lines, { host: "H" })).toBe("match 1");
    expect(ask(lines, { host: "h", port: 2222 })).toBe("changed 2");
    expect(ask(lines, { host: "h", port: 2223 })).toBe("match 1");
    expect(ask(lines, { host: "x" })).toBe("unknown");
    expect(ask([`${lines[0]?.replace(" ", ",* ")}`])).toBe("unknown");
  });
});

describe("a line", () => {
  it.each([
    ["space around everything", ` \t db1\t ${own.replace(" ", " \t")}  `],
    ["the end of Windows", `db1 ${own}\r`],
    ["a comment that looks like anything", `db1 ${own} # @revoked`],
    ["the type of an RSA signature", `db1 ${big.replace("ssh-rsa", "rsa-sha2-512")}`, big],
  ])("may have %s", (_, line, offered = own) => {
    expect(ask([line], { offered })).toBe("match 1");
  });

  it.each([
    ["a comment", `# db1 ${own}`],
    ["a comment further in", ` #db1 ${own}`],
    ["empty", ""],
    ["white", " \t\r"],
    ["cut off in the key", `db1 ${own.slice(0, -4)}`],
    ["cut off in the base64", `db1 ${own.slice(0, -1)}`],
    ["without the padding of the base64", `db1 ${ecdsa(1).replace(/=+$/, "")}`],
    ["without a key", "db1 ssh-ed25519"],
    ["without a type", `db1 ${own.split(" ")[1]}`],
    ["of another type than its key", `db1 ${own.replace("ed25519", "rsa")}`],
    ["of a type that is none", `db1 constructor ${own.split(" ")[1]}`],
    ["with something after the key", `db1 ${own}AAAA`],
    ["of an RSA key of 1016 bits", `db1 ${rsa(127)}`],
    ["of the first SSH", "db1 1024 35 1234567890"],
    ["with a marker that is none", `@trusted db1 ${own}`],
    ["with a marker that has no names", `@trusted,* ${own}`],
    ["with two markers", `@revoked @cert-authority db1 ${own}`],
    ["with nothing but a marker", "@revoked"],
  ])("that is %s says nothing", (_, line) => {
    expect(parseKnownHosts(line, "known_hosts")).toEqual([]);
  });

  it("that is broken does not hide the others, and counts", () => {
    expect(ask(["db1 ssh-ed25519 AAAA", "", "# x", `db1 ${own}`])).toBe("match 4");
  });

  it("may have a tab after its marker, though OpenSSH overlooks that", () => {
    expect(ask([`@revoked\tdb1 ${own}`, `db1 ${own}`])).toBe("revoked 1");
  });
});

describe("the types that are known for a host", () => {
  const types = (lines: readonly string[], port = 22) =>
    knownTypes(parseKnownHosts(lines.join("\n"), "known_hosts"), "db1", port);

  it("are those of its plain lines", () => {
    const lines = [`db1 ${big}`, `db2 ${own}`, `@revoked db1 ${own}`, `@cert-authority * ${own}`];
    expect(types([...lines, `db* ${ecdsa(1)}`])).toEqual(["ssh-rsa", "ecdsa-sha2-nistp256"]);
  });

  it("are those for the port, or else those without", () => {
    const lines = [`db1 ${big}`, `[db1]:2222 ${own}`];
    expect([22, 2222, 2223].map((port) => types(lines, port))).toEqual([
      ["ssh-rsa"],
      ["ssh-ed25519"],
      ["ssh-rsa"],
    ]);
  });
});
