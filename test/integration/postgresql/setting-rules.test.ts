/** PostgreSQL is the oracle of the rules that span settings: what they refuse, no server starts with, and what they let through, one does. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brokenRules } from "../../../provider/postgresql/setting-rules";
import type { Major } from "../../../provider/postgresql/version";
import {
  binDirectory,
  editAsOwner,
  type OwnedDirectory,
  ownedDirectory,
  runAsOwner,
} from "../../support/servers";

type Values = Readonly<Record<string, string>>;

const archiver = { archive_mode: "on" };
const cases: readonly (readonly [values: Values, since?: number])[] = [
  [{ wal_level: "minimal" }],
  [{ wal_level: "minimal", max_wal_senders: "0" }],
  [{ wal_level: "minimal", max_wal_senders: "0", archive_mode: "on" }],
  [{ wal_level: "minimal", max_wal_senders: "0", summarize_wal: "on" }, 17],
  [{ wal_level: "replica", summarize_wal: "on" }, 17],
  [{ max_connections: "3" }],
  [{ max_connections: "4" }],
  [{ max_connections: "10", reserved_connections: "7" }, 16],
  [{ max_connections: "10", reserved_connections: "6" }, 16],
  [{ min_wal_size: "31MB" }],
  [{ min_wal_size: "32MB" }],
  [{ max_wal_size: "31MB", min_wal_size: "32MB" }],
  [{ ...archiver, archive_command: "true", archive_library: "x" }, 15],
  [{ ...archiver, archive_command: "true" }],
];

/** What the server calls them where it does not name them. */
const words: Values = { wal_level: "(wal_level|WAL archival|WAL cannot be summarized)" };

/** Until it takes sessions, or has ended; the archiver complains while the server runs. */
const script = `bin=$1 data=$2 log=$2.log; shift 2
: >"$log"
"$bin/postgres" -D "$data" -c listen_addresses= -c unix_socket_directories="\${data%/*}" -c logging_collector=off "$@" >"$log" 2>&1 &
pid=$!
tries=0
while kill -0 $pid 2>/dev/null && ! grep -q "ready to accept" "$log" && [ $tries -lt 500 ]; do tries=$((tries + 1)); sleep 0.02; done
case "$*" in *archive_library*) tries=0; until grep -Eq "archive_library|could not access" "$log" || [ $tries -gt 250 ]; do tries=$((tries + 1)); sleep 0.02; done ;; esac
if grep -q "ready to accept" "$log" && ! grep -q "Only one of" "$log"; then echo started; else echo refused; fi
kill -INT $pid 2>/dev/null || :
wait $pid 2>/dev/null || :
cat "$log"`;

describe.each(["14", "15", "16", "17", "18"] as const)(
  "rules that span settings, beside PostgreSQL %s",
  (major: Major) => {
    let folder: OwnedDirectory;
    let bin: string;
    beforeAll(async () => {
      [folder, bin] = await Promise.all([ownedDirectory(), binDirectory(major)]);
      await runAsOwner(
        join(bin, "initdb"),
        "-D",
        join(folder.path, "data"),
        "-U",
        "postgres",
        "-N",
        "-A",
        "peer",
      );
    });
    afterAll(() => folder?.dispose());

    it.each(cases.filter(([, since = 14]) => Number(major) >= since).map(([values]) => values))(
      "%j",
      async (values) => {
        const refused = brokenRules(
          major,
          (name) => values[name] ?? null,
          (name) => name in values,
        );
        const args = Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
        const [outcome, ...log] = (await editAsOwner(script, bin, join(folder.path, "data"), ...args)).split(
          "\n",
        );
        expect(outcome, log.join("\n")).toBe(refused.length > 0 ? "refused" : "started");
        for (const { name } of refused)
          expect(log.join("\n")).toMatch(
            new RegExp(`(FATAL|ERROR|DETAIL|postgres): .*${words[name] ?? name}`),
          );
      },
    );
  },
);
