import { describe, expect, it } from "vitest";
import { wayTo } from "../../../provider/host/become";

const login = { name: "alice", isRoot: false };
const root = { name: "root", isRoot: true };
const none: NodeJS.ProcessEnv = {};
const argv = (...given: Parameters<typeof wayTo>) => wayTo(...given).argv;

describe("the way to a user's shell", () => {
  it("is a plain one when nobody is asked for, or the login itself", () => {
    expect(argv(undefined, login, {}, "boot", none)).toEqual(["sh", "-c", "boot"]);
    expect(argv("alice", login, { method: "sudo" }, "boot", none)).toEqual(["sh", "-c", "boot"]);
  });

  it("is runuser for root, and sudo that never asks for everybody else", () => {
    expect(argv("postgres", root, {}, "boot", none)).toEqual([
      "runuser",
      "-u",
      "postgres",
      "--",
      "sh",
      "-c",
      "boot",
    ]);
    expect(argv("postgres", login, {}, "boot", none)).toEqual([
      ...["sudo", "-n", "-u", "postgres", "--"],
      ...["sh", "-c", "boot"],
    ]);
  });

  it.each(["none", "runuser", "sudo", "doas", "su"] as const)(
    "is %s when the program says so, whoever the login is",
    (method) => {
      const first = { none: "sh", runuser: "runuser", sudo: "sudo", doas: "doas", su: "env" }[method];
      expect(argv("postgres", root, { method }, "boot", none)[0]).toBe(first);
      expect(argv("postgres", login, { method }, "boot", none)[0]).toBe(first);
    },
  );

  it("holds no password, which is answered to a prompt that nothing else prints", () => {
    const way = wayTo("postgres", login, { password: "secret" }, "boot", none);
    expect(way.password).toBe("secret");
    expect(way.argv.join(" ")).not.toContain("secret");
    expect(way.argv).toContain("-S");
    expect(way.prompt?.test("pginstance-password:")).toBe(true);
  });

  it.each([
    ["what the program holds", { password: "held" }, {}, "held"],
    ["the usual variable before it", { password: "held" }, { PGINSTANCE_BECOME_PASSWORD: "usual" }, "usual"],
    [
      "the variable that is named before both",
      { password: "held", passwordEnv: "MINE" },
      { PGINSTANCE_BECOME_PASSWORD: "usual", MINE: "mine" },
      "mine",
    ],
  ])("takes the password from %s", (_, become, environment, password) => {
    expect(wayTo("postgres", login, become, "boot", environment).password).toBe(password);
  });
});
