import { describe, expect, test } from "vitest";
import { desire } from "../../../provider/plan/desired";
import type { Properties } from "../../../provider/schema/check";
import { inputsOf, remember } from "./situations";

const gigabyte = 1024 ** 3;
const desired = (
  program: Properties,
  hostMemory: number | null = 8 * gigabyte,
  pinned = undefined as ReturnType<typeof remember> | undefined,
) => desire(inputsOf(program), { hostMemory, pinned, restartTriggers: null });

describe("settings", () => {
  test("are texts, with the provider's own before them", () => {
    const program = {
      port: 6000,
      settings: {
        work_mem: "8MB",
        max_connections: 200,
        autovacuum: false,
        DateStyle: "iso",
        wal_level: null,
      },
    };
    expect(desired(program).settings).toEqual({
      port: "6000",
      cluster_name: "orders",
      work_mem: "8MB",
      max_connections: "200",
      autovacuum: "off",
      datestyle: "iso",
      wal_level: null,
    });
  });

  test("may overrule the cluster's name, or have none", () => {
    expect(desired({ settings: { cluster_name: "mine" } }).settings.cluster_name).toBe("mine");
    expect(desired({ settings: { cluster_name: null } }).settings.cluster_name).toBeNull();
  });
});

describe("a share of the host's memory", () => {
  test.each([
    ["shared_buffers", "25%", 8 * gigabyte, "2048MB"],
    ["shared_buffers", "12.5%", 8 * gigabyte, "1024MB"],
    ["work_mem", "0.1%", gigabyte, "1MB"],
    ["work_mem", "0.01%", gigabyte, "1MB"],
    ["effective_cache_size", "75%", 3 * gigabyte, "2304MB"],
  ])("%s = %s of %i bytes is whole megabytes", (name, share, memory, text) => {
    const { settings, resolved } = desired({ settings: { [name]: share } }, memory);
    expect(settings[name]).toBe(text);
    expect(resolved).toEqual({ [name]: text });
  });

  test("never exceeds what the setting takes, nor falls below", () => {
    expect(desired({ settings: { work_mem: "90%" } }, 4096 * gigabyte).settings.work_mem).toBe("2147483647");
    expect(desired({ settings: { min_wal_size: "0.1%" } }, gigabyte).settings.min_wal_size).toBe("2");
  });

  test("is said in words while no host is known", () => {
    const { settings, resolved } = desired({ settings: { shared_buffers: "25%" } }, null);
    expect(settings.shared_buffers).toBe("25% of the host's memory");
    expect(resolved).toEqual({});
  });

  test("stays as it was resolved when the host gets more memory", () => {
    const program = { settings: { shared_buffers: "25%" } };
    const pinned = remember(program, { resolvedSettings: { shared_buffers: "1024MB" } });
    expect(desired(program, 64 * gigabyte, pinned).settings.shared_buffers).toBe("1024MB");
    expect(desired(program, 64 * gigabyte, pinned).resolved).toEqual({ shared_buffers: "1024MB" });
  });

  test("is resolved anew when the share changes", () => {
    const pinned = remember(
      { settings: { shared_buffers: "25%" } },
      { resolvedSettings: { shared_buffers: "1024MB" } },
    );
    expect(
      desired({ settings: { shared_buffers: "50%" } }, 8 * gigabyte, pinned).settings.shared_buffers,
    ).toBe("4096MB");
  });

  test.each(["log_line_prefix", "archive_command", "my_app.share"])("is not seen in a text: %s", (name) => {
    const { settings, resolved } = desired({ settings: { [name]: "50%" } });
    expect(settings[name]).toBe("50%");
    expect(resolved).toEqual({});
    expect(desired({ settings: { [name]: "%m [%p] %" } }).settings[name]).toBe("%m [%p] %");
  });
});

describe("what the program does not say", () => {
  test("is never trust", () => {
    const methods = (auth: Properties) => {
      const inputs = inputsOf({ auth });
      const { access } = desire(inputs, { hostMemory: null, restartTriggers: null, owner: "postgres" });
      return new Set(
        access?.hba.records.map(({ text }) =>
          text
            .replace(/ map=.*/, "")
            .split(" ")
            .at(-1),
        ),
      );
    };
    expect(methods({})).toEqual(new Set(["peer", "scram-sha-256"]));
    expect(methods({ local: "md5", hostssl: "cert" })).toEqual(
      new Set(["peer", "md5", "cert", "scram-sha-256"]),
    );
  });

  test("is a minute for a start or a promotion, five for a stop, a day for an upgrade", () => {
    const rest = { start: 60, promote: 60, upgrade: 86_400 };
    expect(desired({}).timeouts).toEqual({ ...rest, stop: 300 });
    expect(desired({ timeouts: { stop: 5 } }).timeouts).toEqual({ ...rest, stop: 5 });
  });
});
