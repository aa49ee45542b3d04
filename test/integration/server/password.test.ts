/** The superuser's password: set by its verifier, in no log however much the server logs, and good for a login by TCP. */
import { readFile } from "node:fs/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scramVerifier } from "../../../provider/postgresql/scram";
import { instance } from "../../../provider/resources/instance";
import { type Live, liveInstance } from "../../support/instances";
import { observedOf } from "../../support/outputs";
import { processesWith } from "../../support/processes";

const first = { password: "pässword one ' \" \\ $x", salt: Buffer.from("0123456789abcdef") };
const second = { password: "another", salt: Buffer.from("fedcba9876543210") };
const verifierOf = ({ password, salt }: typeof first) => scramVerifier(password, salt);

const talkative = {
  log_statement: "all",
  log_min_duration_statement: 0,
  log_min_messages: "debug1",
  log_min_error_statement: "debug5",
  log_duration: true,
  debug_print_parse: true,
  debug_print_plan: true,
  debug_print_rewritten: true,
};

describe.each(["15", "18"] as const)("the superuser's password on PostgreSQL %s", (major) => {
  let live: Live;

  beforeAll(async () => {
    live = await liveInstance(major, { settings: talkative, superuserPasswordVerifier: verifierOf(first) });
  });
  afterAll(() => live?.folder.dispose());

  async function login(password: string): Promise<string> {
    const client = new Client({
      host: "127.0.0.1",
      port: live.port,
      user: "postgres",
      password,
      database: "postgres",
    });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return String((await client.query("SELECT current_user AS who")).rows[0]?.who);
    } catch (error) {
      return String((error as { code?: string }).code);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  const log = () => readFile(String(live.outs.logFile), "latin1");
  const secretsOf = (verifier: string) => [
    verifier,
    ...verifier.split(/[$:]/).filter((part) => part.length > 20),
  ];

  it("lets in who knows it, over TCP, and nobody else", async () => {
    expect(await login(first.password)).toBe("postgres");
    expect(await login(`${first.password}x`)).toBe("28P01");
    expect(await login("")).not.toBe("postgres");
  });

  it("is another one after an update, and the state remembers the verifier that the server has", async () => {
    const news = await live.inputs({ settings: talkative, superuserPasswordVerifier: verifierOf(second) });
    const { outs } = await instance.update(live.id, live.outs, news);
    expect(observedOf(outs).passwordVerifier).toBe(verifierOf(second));
    expect(await login(second.password)).toBe("postgres");
    expect(await login(first.password)).toBe("28P01");
  });

  it("is in no log of a server that logs everything, nor is its verifier", async () => {
    const text = await log();
    expect(text).toContain("SELECT current_user AS who");
    for (const verifier of [verifierOf(first), verifierOf(second)]) {
      for (const secret of secretsOf(verifier)) expect(text.includes(secret)).toBe(false);
    }
    expect(text).not.toContain(Buffer.from(first.password, "utf8").toString("latin1"));
  });

  it("is in no command line", () => {
    for (const secret of secretsOf(verifierOf(second))) expect(processesWith(secret)).toEqual([]);
  });

  it("that was changed on the server shows as drift", async () => {
    await live.sql("ALTER ROLE postgres PASSWORD 'by hand'");
    const { inputs } = await instance.read(live.id, live.outs);
    const { superuserPasswordVerifier: found } = inputs as { superuserPasswordVerifier: string };
    expect(found).toMatch(/^SCRAM-SHA-256\$/);
    expect([verifierOf(first), verifierOf(second)]).not.toContain(found);
  });
});
