import type { KeyboardInteractiveAuthMethod, Prompt } from "ssh2";
import { describe, expect, it } from "vitest";
import { authenticator } from "../../../../provider/host/ssh/authenticator";

const user = "deploy";
const password = "its own password";

function login() {
  let givenUp = 0;
  const handler = authenticator(
    {
      user,
      methods: [
        { type: "agent", username: user, agent: "/agent" },
        { type: "password", username: user, password },
      ],
      tried: ["agent", "password of $P"],
      secrets: [password],
    },
    () => givenUp++,
  );
  return { ...handler, givenUp: () => givenUp };
}

type Reply = readonly [allowed: readonly string[] | null, isPartial?: boolean];

/** What is tried upon each of the server's answers, until nothing is. */
function triedOf(...replies: Reply[]): string[] {
  const { next } = login();
  return replies.map(([allowed, isPartial]) => {
    const request = next(allowed, isPartial);
    return request ? request.type : "end";
  });
}

const all = ["publickey", "password", "keyboard-interactive"];
const prompted = ["publickey", "keyboard-interactive"];

describe("the next means", () => {
  it.each<readonly [string, readonly Reply[], readonly string[]]>([
    ["is the password once it is taken", [[null], [all], [all]], ["agent", "password", "end"]],
    ["is a prompt where no password is taken", [[null], [prompted]], ["agent", "keyboard-interactive"]],
    ["is no prompt of a server that has none", [[null], [["publickey"]]], ["agent", "end"]],
    [
      "is a prompt after a key that was half of it",
      [[null], [["keyboard-interactive"], true]],
      ["agent", "keyboard-interactive"],
    ],
    [
      "is nothing after a password that was half of it",
      [[null], [["password"], true], [["keyboard-interactive"], true]],
      ["agent", "password", "end"],
    ],
    ["is nothing after a prompt", [[null], [prompted], [prompted]], ["agent", "keyboard-interactive", "end"]],
  ])("%s", (_what, replies, tried) => {
    expect(triedOf(...replies)).toEqual(tried);
  });

  it("is a prompt where a password that was tried first turns out not to be taken", () => {
    const methods = [{ type: "password", username: user, password } as const];
    const { next } = authenticator(
      { user, methods, tried: ["password of $P"], secrets: [] },
      () => undefined,
    );
    expect(next(null)).toMatchObject({ type: "password" });
    expect(next(prompted, false)).toMatchObject({ type: "keyboard-interactive" });
  });
});

describe("a prompt", () => {
  const hidden: Prompt = { prompt: "Password: ", echo: false };
  const open: Prompt = { prompt: "Your name: ", echo: true };

  /** What is answered to each round of questions, what is left unanswered, and how often that was too much. */
  function answersTo(...rounds: readonly Prompt[][]) {
    const { next, attempt, givenUp } = login();
    next(null);
    const { prompt } = next(prompted) as KeyboardInteractiveAuthMethod;
    const answers: string[][] = [];
    for (const prompts of rounds) prompt("", "", "", prompts, (given) => answers.push(given));
    return { answers, asked: attempt().asked, givenUp: givenUp() };
  }

  it("that is alone and does not echo is answered with the password", () => {
    expect(answersTo([hidden])).toEqual({ answers: [[password]], asked: [], givenUp: 0 });
  });

  it.each<readonly [string, Prompt[][], string[][], string[]]>([
    ["that echoes", [[open]], [], [open.prompt]],
    ["beside another", [[hidden, hidden]], [], [hidden.prompt, hidden.prompt]],
    ["after the password", [[hidden], [hidden]], [[password]], [hidden.prompt]],
  ])("%s is not answered", (_what, rounds, answers, asked) => {
    expect(answersTo(...rounds)).toEqual({ answers, asked, givenUp: 1 });
  });
});
