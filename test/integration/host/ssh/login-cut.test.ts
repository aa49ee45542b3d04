/**
 * A network that delivers late, and breaks during the login: what the server said by then comes in one piece, and the
 * end with it. That is an error of the connection; one that nobody catches would end the provider (vitest reports those).
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConnectionError } from "../../../../provider/errors";
import { SshHost } from "../../../../provider/host/ssh/ssh-host";
import { failureOf } from "../../../support/instances";
import { type Login, type TestHost, testHost } from "../../../support/ssh/host";
import { loginTo } from "../../../support/way";

let host: TestHost;
let login: Login;

beforeAll(async () => {
  host = await testHost();
  login = await loginTo(host, "deploy");
});
afterAll(() => host.dispose());

/** Milliseconds of silence after which all that has come is delivered. */
const quiet = 100;

/** Delivers what the server says in pieces, and resets the connection right behind so many of them. */
async function lateNetwork(pieces: number) {
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    const target = connect({ host: host.address, port: host.port, noDelay: true });
    for (const socket of [client, target]) socket.on("error", () => undefined);
    client.pipe(target);
    client.once("close", () => target.destroy());
    let [late, delivered]: [Buffer[], number] = [[], 0];
    const deliver = () => {
      client.write(Buffer.concat(late.splice(0)));
      delivered += 1;
      if (delivered === pieces) client.resetAndDestroy();
    };
    let timer: NodeJS.Timeout | undefined;
    target.on("data", (chunk) => {
      late.push(chunk);
      clearTimeout(timer);
      timer = setTimeout(deliver, quiet);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { address, port } = server.address() as AddressInfo;
  return {
    way: { host: address, port },
    async close() {
      for (const client of clients) client.destroy();
      await once(server.close(), "close");
    },
  };
}

describe("a connection that breaks with what the server says", () => {
  it.each([1, 2, 3, 4, 5, 6, 7])("in its answer %i is an error of the connection", async (pieces) => {
    const network = await lateNetwork(pieces);
    const through = new SshHost({
      ...network.way,
      user: login.name,
      privateKeyFile: login.keyFile,
      knownHosts: [await host.knownHostsFor(network.way)],
      retryFor: 0,
    });
    const error = await failureOf(through.run({ name: "who", script: "id -un" }));
    expect(error).toBeInstanceOf(ConnectionError);
    await network.close();
  });
});
