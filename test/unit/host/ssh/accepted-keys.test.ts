import { describe, expect, it } from "vitest";
import { acceptedOn, firstContacts, take, withAccepted } from "../../../../provider/host/ssh/accepted-keys";
import type { SshArgs } from "../../../../provider/host/ssh/login";

const way: SshArgs = {
  host: "db1",
  hostKeyPolicy: "accept-new",
  jump: [
    { host: "bastion", port: 2222 },
    { host: "gate", hostKey: "ssh-ed25519 GATE" },
  ],
};

describe("a key that is taken at the first contact", () => {
  it("is the first one, whatever comes later", () => {
    expect(take({ host: "first" }, "ssh-ed25519 A")).toBe("ssh-ed25519 A");
    expect(take({ host: "first", port: 22 }, "ssh-ed25519 B")).toBe("ssh-ed25519 A");
    expect(take({ host: "first", port: 2222 }, "ssh-ed25519 B")).toBe("ssh-ed25519 B");
  });

  it("is declared from then on, where no other is", () => {
    const keys = { db1: "ssh-ed25519 DB1", gate: "ssh-ed25519 OTHER" };
    expect(withAccepted(way, keys)).toEqual({
      ...way,
      hostKey: "ssh-ed25519 DB1",
      isAccepted: true,
      jump: way.jump,
    });
  });

  it("is of no use where the policy is another", () => {
    const strict = { ...way, hostKeyPolicy: undefined };
    expect(withAccepted(strict, { db1: "ssh-ed25519 DB1" })).toEqual(strict);
    expect(acceptedOn(strict, { db1: "ssh-ed25519 DB1" })).toEqual({});
    expect(firstContacts(strict, {})).toEqual([]);
  });

  it("is kept with those that were before, of hosts on this way alone", () => {
    take({ host: "bastion", port: 2222 }, "ssh-ed25519 BASTION");
    expect(acceptedOn(way, { db1: "ssh-ed25519 DB1", elsewhere: "ssh-ed25519 X" })).toEqual({
      db1: "ssh-ed25519 DB1",
      "bastion:2222": "ssh-ed25519 BASTION",
    });
  });

  it("is one of a host that has none yet", () => {
    expect(firstContacts(way, { db1: "ssh-ed25519 DB1" })).toEqual(["bastion:2222"]);
  });
});
