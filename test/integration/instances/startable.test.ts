/** What a server would not start with any more stops an update before its first change: it runs on, its files as they were. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { instance } from "../../../provider/resources/instance";
import { query } from "../../../provider/server/connect";
import { addressOf } from "../../../provider/server/observe";
import { configurationOf, failureOf, type Live, liveInstance, messageOf } from "../../support/instances";
import { editAsOwner } from "../../support/servers";

const before = { wal_level: "logical", max_prepared_transactions: 5, max_replication_slots: 5 };

describe.each(["14", "17"] as const)(
  "a server of PostgreSQL %s with a slot and a prepared transaction",
  (major) => {
    let live: Live;
    beforeAll(async () => {
      live = await liveInstance(major, { settings: before });
      await live.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      await live.sql("SELECT pg_create_physical_replication_slot('follower')");
      const { postmaster } = await live.observe();
      if (!postmaster) throw new Error("it does not run");
      const address = addressOf(live.target, postmaster);
      await query(address, ["BEGIN", "CREATE TABLE public.t ()", "PREPARE TRANSACTION 'half'"]);
    });
    afterAll(() => live?.folder.dispose());

    /** What PostgreSQL itself makes of the value: the log of a start that failed, and then it runs as before. */
    const startedByHand = (line: string) =>
      editAsOwner(
        `cp -p "$2/postgresql.conf" "$2/postgresql.conf.kept" && echo "$3" >>"$2/postgresql.conf"
       "$1/pg_ctl" -D "$2" -m fast -l "$2/tried.log" restart >/dev/null 2>&1 || true
       mv "$2/postgresql.conf.kept" "$2/postgresql.conf"
       "$1/pg_ctl" -D "$2" -l "$2/again.log" start >/dev/null 2>&1
       cat "$2/tried.log"; rm -f "$2/tried.log" "$2/again.log"`,
        live.target.binDirectory,
        live.target.dataDirectory,
        line,
      );

    test.each([
      [
        "wal_level",
        "replica",
        "logical replication slot",
        /settings\.wal_level: replica: .*\(changes\).*pg_drop_replication_slot\('changes'\)/,
      ],
      [
        "max_replication_slots",
        1,
        "too many replication slots active before shutdown",
        /settings\.max_replication_slots: 1: .*\(changes, follower\)/,
      ],
      [
        "max_prepared_transactions",
        0,
        "maximum number of prepared transactions reached",
        /has 1 prepared transactions, and would not start with room for 0.*ROLLBACK PREPARED/s,
      ],
    ])("%s: %s", async (name, value, fatal, words) => {
      const [started] = await live.sql("SELECT pg_postmaster_start_time()");
      const files = await configurationOf(live.target);
      const news = await live.inputs({ settings: { ...before, [name]: value }, restartOnChanges: true });
      expect(messageOf(await failureOf(instance.update(live.id, live.outs, news)))).toMatch(words);
      expect(await configurationOf(live.target)).toBe(files);
      expect((await live.sql("SELECT pg_postmaster_start_time()"))[0]).toEqual(started);
      expect(await startedByHand(`${name} = ${value}`)).toContain(fatal);
    });
  },
);
