/**
 * global/pg_control: what a cluster knows of itself while its server is down. Read from the bytes, as builds without
 * pg_controldata exist, or from that program's output.
 * Layout: struct ControlFileData in src/include/catalog/pg_control.h, as compilers for 64-bit machines lay it out.
 */

const states = [
  "starting up",
  "shut down",
  "shut down in recovery",
  "shutting down",
  "in crash recovery",
  "in archive recovery",
  "in production",
] as const;

export interface ControlData {
  /** Decimal, as PostgreSQL prints it; beyond what a number can hold. */
  readonly systemIdentifier: string;
  readonly controlVersion: number;
  readonly catalogVersion: number;
  readonly state: (typeof states)[number];
  readonly dataChecksums: boolean;
  /** Bytes. */
  readonly walSegmentSize: number;
  readonly maxConnections: number;
  readonly maxWorkerProcesses: number;
  readonly maxWalSenders: number;
  readonly maxPreparedTransactions: number;
  readonly maxLocksPerTransaction: number;
  /** Of the latest checkpoint. */
  readonly timeline: number;
}

const common = {
  state: 16,
  timeline: 48, // checkPointCopy.ThisTimeLineID
  maxConnections: 180,
  maxWorkerProcesses: 184,
  maxWalSenders: 188,
  maxPreparedTransactions: 192,
  maxLocksPerTransaction: 196,
  floatFormat: 208,
  walSegmentSize: 228,
  dataChecksumVersion: 252,
} as const;

/**
 * Byte offsets by PG_CONTROL_VERSION. 1700 put wal_level into a gap of the checkpoint, 1800 char signedness before the
 * nonce: of what is read here only the checksum moved.
 */
const layouts: Readonly<Record<number, typeof common & { readonly crc: number }>> = {
  1300: { ...common, crc: 288 }, // majors 13 to 16
  1700: { ...common, crc: 288 },
  1800: { ...common, crc: 292 },
};

/** FLOATFORMAT_VALUE of pg_control.h. */
const floatFormatValue = 1234567;

/** `undefined`: another format than those of majors 14 to 18, or torn (its CRC-32C does not match; read it again). */
export function parseControlFile(bytes: Uint8Array): ControlData | undefined {
  if (bytes.byteLength < 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = layouts[view.getUint32(8, true)] !== undefined;
  const uint32 = (offset: number) => view.getUint32(offset, little);
  const layout = layouts[uint32(8)];
  if (!layout || bytes.byteLength < layout.crc + 4) return undefined;
  if (uint32(layout.crc) !== crc32c(bytes.subarray(0, layout.crc))) return undefined;
  if (view.getFloat64(layout.floatFormat, little) !== floatFormatValue) return undefined;
  const state = states[uint32(layout.state)];
  if (!state) return undefined;
  return {
    systemIdentifier: view.getBigUint64(0, little).toString(),
    controlVersion: uint32(8),
    catalogVersion: uint32(12),
    state,
    dataChecksums: uint32(layout.dataChecksumVersion) !== 0,
    walSegmentSize: uint32(layout.walSegmentSize),
    maxConnections: uint32(layout.maxConnections),
    maxWorkerProcesses: uint32(layout.maxWorkerProcesses),
    maxWalSenders: uint32(layout.maxWalSenders),
    maxPreparedTransactions: uint32(layout.maxPreparedTransactions),
    maxLocksPerTransaction: uint32(layout.maxLocksPerTransaction),
    timeline: uint32(layout.timeline),
  };
}

/**
 * The same from pg_controldata's output with LC_MESSAGES=C (src/bin/pg_controldata/pg_controldata.c). `undefined` when a
 * line is missing, or when the program itself warns that the checksum does not match.
 */
export function parseControlData(text: string): ControlData | undefined {
  if (/CRC checksum does not match/.test(text)) return undefined;
  const fields = new Map(
    Array.from(text.matchAll(/^([^:\n]+):[ \t]*([^\r\n]*)$/gm), ([, label = "", value = ""]) => [
      label,
      value,
    ]),
  );
  const systemIdentifier = fields.get("Database system identifier") ?? "";
  const state = states.find((known) => known === fields.get("Database cluster state"));
  const number = (label: string) => Number.parseInt(fields.get(label) ?? "", 10);
  const numbers = {
    controlVersion: number("pg_control version number"),
    catalogVersion: number("Catalog version number"),
    walSegmentSize: number("Bytes per WAL segment"),
    maxConnections: number("max_connections setting"),
    maxWorkerProcesses: number("max_worker_processes setting"),
    maxWalSenders: number("max_wal_senders setting"),
    maxPreparedTransactions: number("max_prepared_xacts setting"),
    maxLocksPerTransaction: number("max_locks_per_xact setting"),
    timeline: number("Latest checkpoint's TimeLineID"),
  };
  const checksumVersion = number("Data page checksum version");
  const complete = [checksumVersion, ...Object.values(numbers)].every(Number.isInteger);
  if (!state || !complete || !/^[0-9]+$/.test(systemIdentifier)) return undefined;
  return { systemIdentifier, state, dataChecksums: checksumVersion !== 0, ...numbers };
}

/**
 * The running values that a standby of this cluster must not be below, by name of setting.
 * https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-ADMIN
 */
export function leastOfStandby(control: ControlData): Record<string, number> {
  return {
    max_connections: control.maxConnections,
    max_worker_processes: control.maxWorkerProcesses,
    max_wal_senders: control.maxWalSenders,
    max_prepared_transactions: control.maxPreparedTransactions,
    max_locks_per_transaction: control.maxLocksPerTransaction,
  };
}

/** Castagnoli's CRC (src/port/pg_crc32c_sb8.c), here bit by bit: 300 bytes need no table. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
