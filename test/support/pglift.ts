/** The reference, from PyPI: https://pglift.readthedocs.io. */
import { join } from "node:path";

export const pgliftPackages = ["pglift==3.3.0", "pglift-cli==3.3.0", "psycopg[binary]"];

/** A site whose instances lie in one folder, the WAL of each beside it. YAML is a superset of JSON. */
export const pgliftSettings = (folder: string, version: string, bindir: string) => ({
  prefix: join(folder, "pglift"),
  run_prefix: join(folder, "pglift", "run"),
  postgresql: {
    versions: [{ version, bindir }],
    datadir: `${folder}/{name}`,
    waldir: `${folder}/{name}.wal`,
    socket_directory: folder,
    auth: { local: "peer", host: "scram-sha-256" },
    initdb: { locale: "C.UTF-8", data_checksums: true },
    replrole: null,
  },
});
