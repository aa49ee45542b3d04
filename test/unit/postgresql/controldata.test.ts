import { describe, expect, test } from "vitest";
import { parseControlData, parseControlFile } from "../../../provider/postgresql/controldata";

const bytes = (base64: string) => Uint8Array.from(Buffer.from(base64, "base64"));

/** The used part of global/pg_control, as initdb 15.18 left it, and what pg_controldata prints of it. */
const control15 = bytes(
  "5MlTGTJZA2sUBQAAJXcNDAEAAAAAAAAAM1kDawAAAADQFHQBAAAAANAUdAEAAAAAAQAAAAEAAAABAAAAAAAAANQCAAAAAAAABDUAAAEA" +
    "AAAAAAAAzAIAAAEAAAABAAAAAQAAAAAAAAAzWQNrAAAAAAAAAAAAAAAAAAAAAAAAAADoAwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
    "AAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAZAAAAAgAAAAKAAAAAAAAAEAAAAAAAAAACAAAAAAAAACH1jJBACAAAAAAAgAAIAAAAAAAAUAA" +
    "AAAgAAAAzAcAAAAIAAABAAAAAQAAALyZWQqbaor7NGhflaXr06jJCa1xzNTq5aYimBAExB8W19N0GgAAAAA=",
);
const output15 = `
pg_control version number:            1300
Catalog version number:               202209061
Database system identifier:           7711105058696579556
Database cluster state:               shut down
pg_control last modified:             Sun Nov 22 21:05:55 2026
Latest checkpoint location:           0/17414D0
Latest checkpoint's REDO location:    0/17414D0
Latest checkpoint's REDO WAL file:    000000010000000000000001
Latest checkpoint's TimeLineID:       1
Latest checkpoint's PrevTimeLineID:   1
Latest checkpoint's full_page_writes: on
Latest checkpoint's NextXID:          0:724
Latest checkpoint's NextOID:          13572
Latest checkpoint's NextMultiXactId:  1
Latest checkpoint's NextMultiOffset:  0
Latest checkpoint's oldestXID:        716
Latest checkpoint's oldestXID's DB:   1
Latest checkpoint's oldestActiveXID:  0
Latest checkpoint's oldestMultiXid:   1
Latest checkpoint's oldestMulti's DB: 1
Latest checkpoint's oldestCommitTsXid:0
Latest checkpoint's newestCommitTsXid:0
Time of latest checkpoint:            Sun Nov 22 21:05:55 2026
Fake LSN counter for unlogged rels:   0/3E8
Minimum recovery ending location:     0/0
Min recovery ending loc's timeline:   0
Backup start location:                0/0
Backup end location:                  0/0
End-of-backup record required:        no
wal_level setting:                    replica
wal_log_hints setting:                off
max_connections setting:              100
max_worker_processes setting:         8
max_wal_senders setting:              10
max_prepared_xacts setting:           0
max_locks_per_xact setting:           64
track_commit_timestamp setting:       off
Maximum data alignment:               8
Database block size:                  8192
Blocks per segment of large relation: 131072
WAL block size:                       8192
Bytes per WAL segment:                16777216
Maximum length of identifiers:        64
Maximum columns in an index:          32
Maximum size of a TOAST chunk:        1996
Size of a large-object chunk:         2048
Date/time type storage:               64-bit integers
Float8 argument passing:              by value
Data page checksum version:           1
Mock authentication nonce:            bc99590a9b6a8afb34685f95a5ebd3a8c909ad71ccd4eae5a622981004c41f16
`;

/** The same of 18.4. */
const control18 = bytes(
  "4TreLDRZA2sIBwAAMwASDAEAAAAAAAAANVkDawAAAABQsnQBAAAAAFCydAEAAAAAAQAAAAEAAAABAAAAAQAAAPACAAAAAAAAwzQAAAEA" +
    "AAAAAAAA6AIAAAEAAAABAAAAAQAAAAAAAAA1WQNrAAAAAAAAAAAAAAAAAAAAAAAAAADoAwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
    "AAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAZAAAAAgAAAAKAAAAAAAAAEAAAAAAAAAACAAAAAAAAACH1jJBACAAAAAAAgAAIAAAAAAAAUAA" +
    "AAAgAAAAzAcAAAAIAAABAAAAAQAAAAFVek14S87SYy64qZGoxF1aCjEGAgg6eF3O0ni7iqnbWwAAAIXyFt8=",
);

const expected15 = {
  systemIdentifier: "7711105058696579556",
  controlVersion: 1300,
  catalogVersion: 202209061,
  state: "shut down",
  dataChecksums: true,
  walSegmentSize: 16 * 1024 * 1024,
  maxConnections: 100,
  maxWorkerProcesses: 8,
  maxWalSenders: 10,
  maxPreparedTransactions: 0,
  maxLocksPerTransaction: 64,
  timeline: 1,
};

/** [offset, width] of the numbers that are read, in format 1300. */
const wide = [0, 208].map((offset) => [offset, 8] as const);
const narrow = [8, 12, 16, 48, 180, 184, 188, 192, 196, 228, 252].map((offset) => [offset, 4] as const);

/** The file as a big-endian machine writes it. */
function bigEndian(little: Uint8Array): Uint8Array {
  const big = little.slice();
  for (const [offset, width] of [...wide, ...narrow]) big.subarray(offset, offset + width).reverse();
  new DataView(big.buffer).setUint32(288, crc32c(big.subarray(0, 288)));
  return big;
}

function crc32c(data: Uint8Array): number {
  let crc = -1;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

describe("the bytes of pg_control", () => {
  test("of 15 are read", () => {
    expect(parseControlFile(control15)).toEqual(expected15);
  });

  test("of 18 are read", () => {
    expect(parseControlFile(control18)).toEqual({
      ...expected15,
      systemIdentifier: "7711105067614354145",
      controlVersion: 1800,
      catalogVersion: 202506291,
    });
  });

  test("are read with the padding of the whole file behind, and from the middle of a buffer", () => {
    const file = new Uint8Array(8192 + 3);
    file.set(control15, 3);
    expect(parseControlFile(file.subarray(3))).toEqual(expected15);
  });

  test("of a big-endian machine are read", () => {
    expect(parseControlFile(bigEndian(control15))).toEqual(expected15);
  });

  test("are refused when any bit is not as written", () => {
    for (let offset = 0; offset < 292; offset++) {
      const torn = control15.slice();
      torn[offset] = (torn[offset] ?? 0) ^ (1 << (offset % 8));
      expect(parseControlFile(torn)).toBeUndefined();
    }
  });

  test("are refused when some are missing", () => {
    for (const length of [0, 8, 15, 16, 100, 291]) {
      expect(parseControlFile(control15.subarray(0, length))).toBeUndefined();
    }
  });

  test("are refused in a format that is not known", () => {
    const future = control15.slice();
    new DataView(future.buffer).setUint32(8, 1900, true);
    expect(parseControlFile(future)).toBeUndefined();
  });
});

describe("pg_controldata's output", () => {
  test("says the same as the bytes", () => {
    expect(parseControlData(output15)).toEqual(expected15);
  });

  test("is read with CRLF", () => {
    expect(parseControlData(output15.replaceAll("\n", "\r\n"))).toEqual(expected15);
  });

  test.each([
    ["nothing", ""],
    ["a line missing", output15.replace(/^Latest checkpoint's TimeLineID.*$/m, "")],
    ["an unknown state", output15.replace("shut down", "unrecognized status code")],
    ["another language", output15.replaceAll("setting:", "Einstellung:")],
    [
      "the warning of a torn read",
      `WARNING: Calculated CRC checksum does not match value stored in file.\n${output15}`,
    ],
  ])("with %s is refused", (_, text) => {
    expect(parseControlData(text)).toBeUndefined();
  });

  test.each([
    "starting up",
    "shut down in recovery",
    "shutting down",
    "in crash recovery",
    "in archive recovery",
    "in production",
  ])("knows the state %j", (state) => {
    expect(parseControlData(output15.replace("shut down", state))?.state).toBe(state);
  });
});
