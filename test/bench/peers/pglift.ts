/** pglift on the host, by ssh: https://pglift.readthedocs.io. It makes what the raw script makes, the WAL in a folder of its own aside. */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Python } from "../../../scripts/setup/python.mjs";
import { pgliftSettings } from "../../support/pglift";
import { execute } from "../execute";
import type { Means } from "../means";
import type { Site } from "../site";

export async function pglift(site: Site, { python }: Python): Promise<Means> {
  const settings = join(site.host.folder, "pglift");
  const { major, binDirectory } = site.programs;
  await mkdir(join(settings, "postgresql"), { recursive: true });
  await writeFile(
    join(settings, "settings.yaml"),
    JSON.stringify(pgliftSettings(site.folder, major, binDirectory)),
  );
  // In place of its own, which gives a quarter of the memory to shared_buffers.
  const template = `work_mem = 8MB\nunix_socket_directories = '${site.folder}'\n`;
  await writeFile(join(settings, "postgresql", "postgresql.conf"), template);
  await chmod(settings, 0o755);
  const command = `cd / && ${site.asOwner} env PGLIFT_CONFIG_DIR=${settings} ${python} -m pglift_cli --non-interactive`;
  const run = (...args: string[]) =>
    execute("ssh", ["-F", site.sshConfig, "target", `${command} ${args.join(" ")}`]);
  await run("site-configure", "install");
  return {
    name: "pglift",
    create: ({ name, port }) => run("instance", "create", name, "--version", major, "--port", String(port)),
    configure: ({ name }, value) => run("pgconf", "-i", name, "set", `work_mem=${value}`),
    read: ({ name }) => run("instance", "get", name, "-o", "json"),
  };
}
