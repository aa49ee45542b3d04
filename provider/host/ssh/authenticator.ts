/** Which means is tried next, and what became of those before. */
import type { AnyAuthMethod, KeyboardInteractiveAuthMethod, Prompt } from "ssh2";
import type { Authentication } from "./means";
import type { LoginAttempt, Tried } from "./refused-login";

interface Candidate extends Tried {
  readonly request: AnyAuthMethod;
}

export interface Authenticator {
  /** What the server says to whoever logs in. */
  hear(words: string): void;
  /** For ssh2's `authHandler`. */
  next(allowed: readonly string[] | null, isPartial?: boolean | null): AnyAuthMethod | false;
  attempt(): LoginAttempt;
}

/**
 * Tries one means after the other as far as the server takes it, and keeps what the server says it takes.
 *
 * @param giveUp is called when the server asks for what nobody here can answer, and would wait for it
 */
export function authenticator(
  { user, methods, tried: names }: Authentication,
  giveUp: () => void,
): Authenticator {
  const tried: Tried[] = [];
  const asked: string[] = [];
  let offered: readonly string[] = [];
  let banner = "";

  /** By `password`, and where that is not taken at the prompt that PAM makes of it. */
  const candidates = (request: AnyAuthMethod, name: string): Candidate[] => {
    const method = request.type === "agent" ? "publickey" : request.type;
    const itself = { method, name, request };
    if (request.type !== "password") return [itself];
    const prompted = { type: keyboard, username: user, prompt: answering(request.password, refuse) } as const;
    return [itself, { method: keyboard, name: `${name} at its prompt`, request: prompted }];
  };
  const refuse = (prompts: readonly string[]) => {
    asked.push(...prompts);
    giveUp();
  };
  const left = methods.flatMap((method, index) => candidates(method, names[index] ?? method.type));

  return {
    hear: (words) => {
      banner = words;
    },
    next(allowed, isPartial) {
      if (allowed) offered = allowed;
      // The server has judged the password: a second time would count against the login, or be the answer to another question.
      const isJudged = tried.at(-1)?.method === "password" && (isPartial || offered.includes("password"));
      for (let one = left.shift(); one; one = left.shift()) {
        const { method, name, request } = one;
        if (offered.length > 0 ? !offered.includes(method) : method === keyboard) continue;
        if (method === keyboard && isJudged) continue;
        tried.push({ method, name });
        return request;
      }
      return false;
    },
    attempt: () => ({ user, tried, offered, banner, asked }),
  };
}

const keyboard = "keyboard-interactive";

/** Answers the first prompt with the password, where it is the only one and does not echo; no other, and none twice. */
function answering(
  password: string,
  refuse: (prompts: readonly string[]) => void,
): KeyboardInteractiveAuthMethod["prompt"] {
  let isGiven = false;
  return (_name, _instructions, _language, prompts: Prompt[], finish) => {
    const isPassword = !isGiven && prompts.length === 1 && prompts[0]?.echo === false;
    if (!isPassword) return refuse(prompts.map(({ prompt }) => prompt));
    isGiven = true;
    finish([password]);
  };
}
