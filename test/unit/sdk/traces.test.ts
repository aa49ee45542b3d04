import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { Instance } from "../../../sdk";
import { pauseTraces } from "../../../sdk/traces";

beforeAll(async () => {
  const mocks = { newResource: ({ name = "" }) => ({ id: name, state: {} }), call: () => ({}) };
  await pulumi.runtime.setMocks(mocks, "shop", "dev", true);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Whatever is set by a program, as by Pulumi's own support for source maps. */
const marked = (error: Error, frames: NodeJS.CallSite[]) => `marked ${error.message} of ${frames.length}`;

/** Takes the format for the time of `body`, and gives back the one that was. */
function withFormat<T>(format: typeof marked | undefined, body: () => T): T {
  const before = Error.prepareStackTrace;
  Object.assign(Error, { prepareStackTrace: format });
  try {
    return body();
  } finally {
    Error.prepareStackTrace = before;
  }
}

function paused<T>(body: () => T): T {
  const traceAgain = pauseTraces();
  try {
    return body();
  } finally {
    traceAgain();
  }
}

/** As the SDK asks for the place of a declaration. */
function unlimited(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = Number.POSITIVE_INFINITY;
  try {
    return new Error("place").stack;
  } finally {
    Error.stackTraceLimit = limit;
  }
}

describe("while traces are paused", () => {
  test("one that is read at once has no frames, and costs no format", () => {
    const format = vi.fn(marked);
    const stack = withFormat(format, () => paused(() => new Error("leak").stack));
    expect(stack).toBe("Error: leak");
    expect(format).not.toHaveBeenCalled();
  });

  test("the place of a declaration is found, in the program's format or in Node's own", () => {
    expect(withFormat(marked, () => paused(unlimited))).toMatch(/^marked place of \d+$/);
    const own = withFormat(undefined, () => paused(unlimited));
    expect(own).toMatch(/^Error: place\n {4}at unlimited \(.*traces\.test\.ts:\d+:\d+\)\n {4}at /);
  });

  test("it may be done once more, within", () => {
    expect(withFormat(marked, () => paused(() => paused(unlimited)))).toMatch(/^marked place/);
  });
});

describe("afterwards", () => {
  test("traces are what they were, also when something was thrown", () => {
    withFormat(marked, () => {
      expect(() =>
        paused(() => {
          throw new Error("broken");
        }),
      ).toThrow("broken");
      expect(Error.prepareStackTrace).toBe(marked);
    });
  });

  test("what was thrown meanwhile says where", () => {
    function transformation(): never {
      throw new Error("no such tag");
    }
    const options = { transformations: [transformation] };
    let stack: string | undefined;
    try {
      new Instance("orders", { version: "17" }, options);
    } catch (error) {
      stack = (error as Error).stack;
    }
    expect(stack).toMatch(/^Error: no such tag\n {4}at transformation .*traces\.test\.ts/);
  });
});

test("nothing is paused for whoever looks for promises that never end", () => {
  vi.stubEnv("PULUMI_DEBUG_PROMISE_LEAKS", "1");
  expect(withFormat(marked, () => paused(() => new Error("leak").stack))).toMatch(/^marked leak/);
});
