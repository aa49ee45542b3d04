import { expect, test } from "vitest";
import { parsePostmasterPid } from "../../../provider/postgresql/pidfile";

const file = "4711\n/srv/pg data\n1700000000\n5433\n/run/postgresql\n*\n  5432001         3\nready   \n";

test("a running server's file is read whole", () => {
  expect(parsePostmasterPid(file)).toEqual({
    pid: 4711,
    dataDirectory: "/srv/pg data",
    startTime: 1_700_000_000,
    port: 5433,
    socketDirectory: "/run/postgresql",
    listenAddress: "*",
    status: "ready",
  });
});

test.each(["starting", "stopping", "standby "])("the status %j is known", (status) => {
  expect(parsePostmasterPid(file.replace("ready   ", status))?.status).toBe(status.trim());
});

test("a status that no release writes is unknown", () => {
  expect(parsePostmasterPid(file.replace("ready", "asleep"))?.status).toBe("");
});

test("lines that are not written yet are empty", () => {
  expect(parsePostmasterPid("4711\n/srv/pg\n1700000000\n5433\n\n")).toEqual({
    pid: 4711,
    dataDirectory: "/srv/pg",
    startTime: 1_700_000_000,
    port: 5433,
    socketDirectory: "",
    listenAddress: "",
    status: "",
  });
  expect(parsePostmasterPid("4711")).toMatchObject({ pid: 4711, dataDirectory: "", startTime: 0, port: 0 });
});

test("single-user mode has a negative pid", () => {
  expect(parsePostmasterPid("-4711\n/srv/pg\n")?.pid).toBe(-4711);
});

test.each(["", "\n", "0\n", "x\n/srv", "47x\n", "99999999999\n", "\0\0\0\0"])(
  "%j is no such file",
  (text) => {
    expect(parsePostmasterPid(text)).toBeUndefined();
  },
);

test("numbers that are none are 0", () => {
  expect(parsePostmasterPid("1\n/d\nsoon\n-1\n")).toMatchObject({ startTime: 0, port: 0 });
});
