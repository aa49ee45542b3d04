import { type Address, query } from "./connect";
import type { Row } from "./exchange";

/** One server that reads this one's WAL. */
export interface Sender {
  /** Of a standby its `cluster_name`. */
  readonly name: string;
  /** null: over a Unix socket. */
  readonly address: string | null;
  /** `startup`, `catchup`, `streaming`, `backup` or `stopping`. */
  readonly state: string;
  readonly syncState: string;
  readonly slot: string | null;
  /** WAL that was written here and is not replayed there. */
  readonly lagBytes: number | null;
  /** As last measured by a standby that was behind; null: it is not. */
  readonly lagSeconds: number | null;
}

export interface Slot {
  readonly name: string;
  readonly active: boolean;
  /** `reserved`, `extended`, `unreserved` or `lost`; null: nothing is kept yet. */
  readonly walStatus: string | null;
  /** WAL that is kept for it. */
  readonly keptBytes: number | null;
}

/** How far a standby is. */
export interface Receiver {
  /** `streaming` and the like; null: it is not connected. */
  readonly state: string | null;
  readonly slot: string | null;
  readonly receivedLsn: string | null;
  readonly replayedLsn: string | null;
  /** WAL that was received and is not replayed. */
  readonly lagBytes: number | null;
  /** Since the last transaction that was replayed, where more was received; 0: all is replayed. */
  readonly lagSeconds: number | null;
  readonly paused: boolean;
}

/** What moves all the time, and therefore is in no state. */
export interface Replication {
  /** null: a primary. */
  readonly receiver: Receiver | null;
  readonly senders: readonly Sender[];
  readonly slots: readonly Slot[];
}

/** https://www.postgresql.org/docs/current/monitoring-stats.html, view-pg-replication-slots.html */
const here = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END";

const questions = [
  `SELECT r.status AS state, r.slot_name AS slot, pg_last_wal_receive_lsn()::text AS received,
      pg_last_wal_replay_lsn()::text AS replayed, pg_is_wal_replay_paused() AS paused,
      pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::float8 AS bytes,
      CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
           ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 END AS seconds
     FROM (SELECT WHERE pg_is_in_recovery()) AS standby LEFT JOIN pg_stat_wal_receiver r ON true`,
  `SELECT r.application_name AS name, host(r.client_addr) AS address, r.state, r.sync_state AS sync, s.slot_name::text AS slot,
      pg_wal_lsn_diff(${here}, r.replay_lsn)::float8 AS bytes, extract(epoch FROM r.replay_lag)::float8 AS seconds
     FROM pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid ORDER BY 1, 2`,
  `SELECT slot_name::text AS name, active, wal_status AS status, pg_wal_lsn_diff(${here}, restart_lsn)::float8 AS bytes
     FROM pg_replication_slots ORDER BY 1`,
];

export async function replicationOf(address: Address): Promise<Replication> {
  const [receiver = [], senders = [], slots = []] = await query(address, questions);
  return {
    receiver: receiver[0] ? readReceiver(receiver[0]) : null,
    senders: senders.map((row) => ({
      name: String(row.name),
      address: text(row.address),
      state: String(row.state),
      syncState: String(row.sync),
      slot: text(row.slot),
      lagBytes: number(row.bytes),
      lagSeconds: number(row.seconds),
    })),
    slots: slots.map((row) => ({
      name: String(row.name),
      active: row.active === true,
      walStatus: text(row.status),
      keptBytes: number(row.bytes),
    })),
  };
}

function readReceiver(row: Row): Receiver {
  return {
    state: text(row.state),
    slot: text(row.slot),
    receivedLsn: text(row.received),
    replayedLsn: text(row.replayed),
    lagBytes: number(row.bytes),
    lagSeconds: number(row.seconds),
    paused: row.paused === true,
  };
}

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
const number = (value: unknown): number | null =>
  value === null || value === undefined ? null : Number(value);
