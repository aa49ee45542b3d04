/** A system of busybox and musl with sshd at port 22: no systemd, nothing that starts a server at a boot. */
import { appendFile, copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { obtainBusybox } from "../../../scripts/setup/busybox.mjs";
import type { Login, TestHost } from "../ssh/interface";
import { makeHostKeys, makeKey, writeKnownHosts } from "../ssh/keys";
import { bare, Machine } from "./machine";
import { systemPlace } from "./place";

export interface BareHost extends Pick<TestHost, "name" | "address" | "knownHosts" | "run"> {
  /** It may become postgres by doas, which asks for nothing. */
  readonly login: Login;
  /** Ends every process at once; then its sshd is there again, and nothing else. */
  powerCut(): Promise<void>;
  dispose(): Promise<void>;
}

/** Starts in a moment; for root only. Call `dispose` at its end. */
export async function bareHost(): Promise<BareHost> {
  const place = await systemPlace(obtainBusybox);
  try {
    const { name, address, folder, seen } = place;
    const knownHosts = join(folder, "known_hosts");
    await makeHostKeys(folder);
    await writeKnownHosts(folder, { host: address, port: 22 }, knownHosts);
    const keyFile = join(folder, "key_deploy");
    await makeKey(keyFile, "ed25519");
    const within = (path: string) => join(seen, path);
    await copyFile(join(folder, "host_ed25519"), within("etc/ssh_host_key"));
    await appendFile(within("home/deploy/.ssh/authorized_keys"), await readFile(`${keyFile}.pub`));
    await writeFile(within("etc/hosts"), `127.0.0.1 localhost\n${address} ${name}\n`);
    const machine = new Machine(place, bare);
    await machine.on();
    return {
      ...{ name, address, knownHosts },
      login: { name: "deploy", home: "/home/deploy", keyFile },
      run: (argv, options) => machine.run(argv, options),
      async powerCut() {
        await machine.cut();
        await machine.on();
      },
      dispose: () => place.dispose(),
    };
  } catch (error) {
    await place.dispose();
    throw error;
  }
}
