import { describe, expect, it } from "vitest";
import { parseArguments, parseHop, UsageError } from "../../../../sdk/cli/arguments";

const plain = { hasSubject: false, options: [] };
const about = { hasSubject: true, options: ["superuser"] } as const;
const parse = (...words: string[]) => parseArguments(words, plain);

describe("where a command goes", () => {
  it("is this machine unless a host is named", () => {
    const here = { host: { local: {} }, where: "this machine", json: false, exitCode: false };
    expect(parse()).toMatchObject(here);
    expect(parse("local", "--json")).toMatchObject({ ...here, json: true });
    expect(parseArguments(["orders"], about)).toMatchObject({ ...here, subject: "orders" });
    expect(parseArguments(["local", "orders"], about)).toMatchObject({ ...here, subject: "orders" });
  });

  it.each([
    ["db1", { host: "db1" }],
    ["deploy@db1", { user: "deploy", host: "db1" }],
    ["deploy@db1:2222", { user: "deploy", host: "db1", port: 2222 }],
    ["bob@corp.example@db1", { user: "bob@corp.example", host: "db1" }],
    ["[2001:db8::7]", { host: "2001:db8::7" }],
    ["deploy@[2001:db8::7]:2222", { user: "deploy", host: "2001:db8::7", port: 2222 }],
    ["2001:db8::7", { host: "2001:db8::7" }],
    ["db1:ssh", { host: "db1", port: "ssh" }],
    ["@db1", { user: "", host: "db1" }],
    ["ssh://db1", { host: "ssh", port: "//db1" }],
    ["", { host: "" }],
  ])("is read from %j as far as it can be, and left to be checked", (text, hop) => {
    expect(parseHop(text)).toEqual(hop);
  });

  it("goes by SSH with the means that are named, and is tried once", () => {
    const jumps = ["--jump", "jump@bastion:22", "--jump", "[::1]"];
    const files = ["--key", "keys/deploy", "--known-hosts", "~/hosts", "--known-hosts", "/etc/hosts.known"];
    expect(parse("deploy@db1", ...jumps, ...files)).toMatchObject({
      where: "deploy@db1",
      host: {
        ssh: {
          ...{ user: "deploy", host: "db1", retryFor: 0 },
          privateKeyFile: `${process.cwd()}/keys/deploy`,
          knownHosts: ["~/hosts", "/etc/hosts.known"],
          jump: [{ user: "jump", host: "bastion", port: 22 }, { host: "::1" }],
        },
      },
    });
  });
});

describe("a configuration of ssh", () => {
  it("fills in the way, or is all of it", () => {
    expect(parse("db1", "--ssh-config", "~/.ssh/config").host).toEqual({
      ssh: { host: "db1", configFile: "~/.ssh/config", retryFor: 0 },
    });
    expect(parse("deploy@db1:7", "--openssh").host).toEqual({
      openssh: { user: "deploy", host: "db1", port: 7, retryFor: 0 },
    });
    expect(parse("db1", "--openssh", "--ssh-config", "a").host).toEqual({
      openssh: { host: "db1", configFile: `${process.cwd()}/a`, retryFor: 0 },
    });
  });

  it.each([
    ["--key", "k"],
    ["--known-hosts", "k"],
    ["--jump", "k"],
  ])("has what %s would say to the ssh of this machine", (option, value) => {
    expect(() => parse("db1", "--openssh", option, value)).toThrow(
      new UsageError(`${option} is not for --openssh: say it in ssh's configuration (--ssh-config)`),
    );
  });
});

describe("what a command looks at", () => {
  it("is what its options say, as the instances API takes it", () => {
    const words = [
      "--owner",
      "pg",
      "--version",
      "17",
      "--under",
      "/srv",
      "--under",
      "/data",
      "--become",
      "su",
    ];
    expect(parse(...words).look).toEqual({
      ...{ owner: "pg", version: "17", under: ["/srv", "/data"], become: { method: "su" } },
      ...{ binDirectory: undefined, superuser: undefined },
    });
    expect(parseArguments(["--superuser", "admin", "orders"], about).look.superuser).toBe("admin");
  });

  it.each([
    [["--nonsense"], "Unknown option '--nonsense'"],
    [["--exit-code"], "Unknown option '--exit-code'"],
    [["--owner"], "Option '--owner <value>' argument missing"],
    [["--json=yes"], "Option '--json' does not take an argument"],
    [["db1", "orders"], 'too many words: "db1", "orders"'],
  ])("is wrong with %j", (words, message) => {
    expect(() => parse(...words)).toThrow(UsageError);
    expect(() => parse(...words)).toThrow(message);
  });

  it("is missing where a command needs it, unless help is wanted", () => {
    expect(() => parseArguments([], about)).toThrow("NAME, VERSION/NAME or DATA_DIRECTORY is missing");
    expect(() => parseArguments(["a", "b", "c"], about)).toThrow('too many words: "a", "b", "c"');
    expect(parseArguments(["-h"], about).help).toBe(true);
  });
});
