/** Who listens where, found out on real sockets. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { userInfo } from "node:os";
import { afterEach, describe, expect, it } from "vitest";
import { InstanceStateError } from "../../../provider/errors";
import { LocalHost } from "../../../provider/host/local";
import { requireFreePort } from "../../../provider/server/port";
import { asServerUser } from "../../../scripts/setup/postgresql.mjs";
import { owner } from "../../support/instances";
import { freePort } from "../../support/servers";

const host = new LocalHost();
const servers: Server[] = [];
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, "close");
  }
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

async function listen(options: { port: number; host?: string; ipv6Only?: boolean }): Promise<void> {
  const server = createServer().listen(options);
  servers.push(server);
  await once(server, "listening");
}

describe("a port", () => {
  it("is free when nobody listens", async () => {
    await expect(requireFreePort(host, await freePort(), owner)).resolves.toBeUndefined();
  });

  it("is free when something is only connected from it", async () => {
    const port = await freePort();
    await listen({ port, host: "127.0.0.1" });
    const other = await freePort();
    const socket = connect({ port, host: "127.0.0.1", localPort: other });
    await once(socket, "connect");
    await expect(requireFreePort(host, other, owner)).resolves.toBeUndefined();
    socket.destroy();
  });

  it.each([
    ["on every address", {}],
    ["on one IPv4 address", { host: "127.0.0.1" }],
    ["on one IPv6 address", { host: "::1" }],
    ["on IPv6 alone", { host: "::", ipv6Only: true }],
  ])("is taken %s, by a process that is named", async (_, where) => {
    const port = await freePort();
    await listen({ port, ...where });
    const error = await requireFreePort(host, port, owner).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(InstanceStateError);
    const text = String(error);
    expect(text).toContain(`port: ${port} on this machine is in use by `);
    expect(text).toContain(`(process ${process.pid} of ${userInfo().username})`);
    expect(text).toContain("Nothing was changed");
  });

  it("is taken by another user's process, named with its command line", async () => {
    const port = await freePort();
    const perl =
      "use IO::Socket::INET; $| = 1; my $s = IO::Socket::INET->new(Listen => 1, LocalPort => shift) or die; " +
      'print "up\\n"; sleep 60';
    const holder = spawn("perl", ["-e", perl, String(port)], {
      cwd: "/",
      stdio: ["ignore", "pipe", "inherit"],
      ...asServerUser(),
    });
    children.push(holder);
    await once(holder.stdout, "data");
    const text = String(await requireFreePort(host, port, owner).catch((caught: unknown) => caught));
    expect(text).toContain("in use by perl -e ");
    expect(text).toContain(`(process ${holder.pid} of ${owner})`);
  });
});
