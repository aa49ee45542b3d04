import { describe, expect, test } from "vitest";
import { unreachedRecords } from "../../../provider/postgresql/hba-reach";

const unreached = (...texts: string[]) =>
  unreachedRecords(texts.map((text, index) => ({ label: `r${index}`, text }))).map(
    ({ label, by }) => `${label} by ${by}`,
  );

describe("a record that an earlier one decides for", () => {
  test.each([
    ["host all all 10.0.0.0/8 reject", "host shop app 10.1.2.0/24 scram-sha-256"],
    ["host all all all scram-sha-256", "hostssl shop app db.example cert"],
    ["host shop,crm app,jo 10.0.0.0/8 md5", "hostnossl crm jo 10.0.0.0/8 reject"],
    ["host all +staff samenet md5", "host shop +staff samenet md5"],
    ["local all all peer", "local shop app md5"],
    ["host all all fd00::/8 md5", "host all app fd00:1::/32 md5"],
    ["host all all ::/0 md5", "host all app ::1/128 md5"],
  ])("%s, then %s", (first, second) => {
    expect(unreached(first, second)).toEqual(["r1 by r0"]);
  });

  test.each([
    ["host all all 10.0.0.0/8 md5", "host replication all 10.0.0.0/8 md5"],
    ["host all all 10.0.0.0/16 md5", "host all all 10.0.0.0/8 md5"],
    ["hostssl all all all cert", "host all all all md5"],
    ["host shop all all md5", "host all all all md5"],
    ["host all app all md5", "host all all all md5"],
    ["host all all 10.0.0.0/8 md5", "local all all md5"],
    ["host all all 10.0.0.0/8 md5", "host all all 11.0.0.0/8 md5"],
    ["host all all 0.0.0.0/0 md5", "host all all ::/0 md5"],
    ["host all all samenet md5", "host all all 10.0.0.0/8 md5"],
    ["host sameuser all all md5", "host shop all all md5"],
    ['host "a,all,b" all all md5', "host shop all all md5"],
    ["host all all 010.0.0.0/8 md5", "host all all 10.0.0.0/8 md5"],
  ])("is none here: %s, then %s", (first, second) => {
    expect(unreached(first, second)).toEqual([]);
  });
});
