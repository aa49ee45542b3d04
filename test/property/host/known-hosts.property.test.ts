import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { filedAs, isFor, lookUp, parseKnownHosts } from "../../../provider/host/ssh/known-hosts";
import { readPublicKey } from "../../../provider/host/ssh/public-key";
import { blobOf, ed25519, rsa } from "../../support/public-keys";

const own = ed25519(1);
const host = fc.oneof(
  fc.domain(),
  fc.ipV4(),
  fc.ipV6(),
  fc.string({ unit: fc.constantFrom(..."aB1.-"), minLength: 1, maxLength: 4 }),
);
const port = fc.oneof(fc.constantFrom(22, 2222), fc.integer({ min: 1, max: 65535 }));
const pattern = fc.oneof(
  host,
  fc.tuple(host, port).map(([name, number]) => `[${name}]:${number}`),
  fc.string({ unit: fc.constantFrom(..."aB1.-*?[]:!"), maxLength: 5 }),
);
const nameOf = (name: string, number: number) => filedAs(name, number)[0] ?? "";
const entry = (names: string) => {
  const [found] = parseKnownHosts(`${names} ${own}`, "known_hosts");
  if (!found) throw new Error(`no entry: ${names}`);
  return found;
};

/** Lines made of what the parser knows, so that many are right and many are nearly right. */
const keys = [
  own,
  ed25519(2),
  rsa(256),
  `rsa-sha2-512 ${rsa(256).split(" ")[1]}`,
  own.slice(0, -3),
  "ssh-ed25519",
];
const line = fc
  .tuple(
    fc.constantFrom("", "", "@revoked ", "@cert-authority ", "@revoked\t", "@x ", "#", " "),
    fc.array(pattern, { minLength: 1, maxLength: 3 }).map((patterns) => patterns.join(",")),
    fc.constantFrom(" ", "\t"),
    fc.constantFrom(...keys),
    fc.constantFrom("", "\r", " comment", "#"),
  )
  .map((parts) => parts.join(""));
const lines = fc.array(fc.oneof({ weight: 9, arbitrary: line }, fc.string({ unit: "binary" })), {
  maxLength: 12,
});
const ask = (content: readonly string[], name: string, number: number, key = own) =>
  lookUp(parseKnownHosts(content.join("\n"), "known_hosts"), name, number, blobOf(key)).verdict;

describe("a name", () => {
  test("that is hashed is that of one host and one port", () => {
    fc.assert(
      fc.property(
        host,
        port,
        host,
        port,
        fc.uint8Array({ minLength: 20, maxLength: 20 }),
        (a, m, b, n, bytes) => {
          const salt = Buffer.from(bytes);
          const hash = createHmac("sha1", salt).update(nameOf(a, m)).digest("base64");
          const hashed = entry(`|1|${salt.toString("base64")}|${hash}`);
          expect(isFor(hashed, nameOf(a, m))).toBe(true);
          expect(isFor(hashed, nameOf(b, n))).toBe(nameOf(a, m) === nameOf(b, n));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("that a line excludes is not accepted by it, whatever else the line has", () => {
    fc.assert(
      fc.property(fc.array(pattern), fc.array(pattern), host, port, (before, after, name, number) => {
        const excluded = nameOf(name, number);
        const line = entry([...before, `!${excluded}`, ...after, "*"].join(","));
        expect(isFor(line, excluded)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  test("without a wildcard is its own only, in small letters or capitals", () => {
    fc.assert(
      fc.property(host, port, host, port, (a, m, b, n) => {
        const line = entry(nameOf(a, m).toUpperCase());
        expect(isFor(line, nameOf(a, m))).toBe(true);
        expect(isFor(line, nameOf(b, n))).toBe(nameOf(a, m) === nameOf(b, n));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("whatever is in the file", () => {
  test("a key that is not in it is not the host's", () => {
    fc.assert(
      fc.property(lines, host, port, (content, name, number) => {
        expect(ask(content, name, number, ed25519(3))).toMatch(/^(changed|caOnly|unknown)$/);
      }),
      { numRuns: 1_000 },
    );
  });

  test("a key that is revoked for all is revoked", () => {
    fc.assert(
      fc.property(lines, lines, host, port, (before, after, name, number) => {
        expect(ask([...before, `@revoked * ${own}`, ...after], name, number)).toBe("revoked");
      }),
      { numRuns: 1_000 },
    );
  });

  test("the order of its lines does not matter", () => {
    fc.assert(
      fc.property(lines, host, port, (content, name, number) => {
        expect(ask([...content].reverse(), name, number)).toBe(ask(content, name, number));
      }),
      { numRuns: 1_000 },
    );
  });
});

test("whatever a host offers, it is a key of the bytes that were offered, or none", () => {
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.tuple(fc.constantFrom(...keys), fc.nat({ max: 60 }), fc.nat({ max: 255 })).map(([key, at, byte]) => {
      const blob = blobOf(key);
      blob[at] = byte;
      return blob;
    }),
  );
  fc.assert(
    fc.property(bytes, (offered) => {
      const blob = Buffer.from(offered);
      const key = readPublicKey(blob);
      if (key) expect(key.blob).toEqual(blob);
    }),
    { numRuns: 1_000 },
  );
});
