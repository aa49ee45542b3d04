/** A connection that is dead, of which the host has not heard: who held the lock is no more, and the next may have it. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LockedError } from "../../../provider/errors";
import { Session } from "../../../provider/host/session";
import { SshHost } from "../../../provider/host/ssh/ssh-host";
import { until } from "../../support/processes";
import { type OwnedDirectory, ownedDirectory, serverUser } from "../../support/servers";
import { type Login, type TestHost, testHost } from "../../support/ssh/host";
import { tcpProxy } from "../../support/ssh/proxy";

const owner = serverUser() ?? "";

let host: TestHost;
let login: Login;
let folder: OwnedDirectory;

beforeAll(async () => {
  host = await testHost();
  login = await host.login("deploy", { sudo: "nopasswd" });
  folder = await ownedDirectory();
});
afterAll(async () => {
  await host.dispose();
  await folder.dispose();
});

const directly = () =>
  new SshHost({
    host: host.address,
    port: host.port,
    user: login.name,
    privateKeyFile: login.keyFile,
    knownHosts: [host.knownHosts],
  });

describe("a lock whose session went silent", () => {
  it("is still held while that session's process believes in it, and free once that is over", async () => {
    const directory = join(folder.path, "main.pginstance");
    const proxy = await tcpProxy({ host: host.address, port: host.port });
    try {
      const through = new SshHost({
        host: "127.0.0.1",
        port: proxy.port,
        user: login.name,
        privateKeyFile: login.keyFile,
        knownHosts: [await host.knownHostsFor({ host: "127.0.0.1", port: proxy.port })],
        keepAlive: 1,
        retryFor: 0,
      });
      const silent = await Session.open(through, directory, owner);
      proxy.halfOpen();
      const refused = await Session.open(directly(), directory, owner).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(LockedError);
      await until("the end of the silent session", () => silent.lost !== undefined, 8);
      await silent.close();
      const began = performance.now();
      const next = await Session.open(directly(), directory, owner);
      expect(performance.now() - began).toBeLessThan(4_000);
      await expect(silent.write("file", "late")).rejects.toThrow("was lost");
      await next.write("file", "new");
      await next.forget();
      await next.close();
    } finally {
      await proxy.close();
    }
  });
});
