import type { Readable, Writable } from "node:stream";
import { CommandError } from "../errors";
import type { Way } from "./become";
import type { Command, CommandResult } from "./host";
import { Marks } from "./marks";
import { lookForFlock, newNonce, preamble, quote } from "./shell";

/** What a transport gives: the three streams of a process on the host. */
export interface Process {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Ends it as far as that can be done from here. */
  end(): void;
  /** While nobody waits for it, it keeps no process of ours alive. */
  busy(is: boolean): void;
  /** Its error, once it is lost; undefined where it ended by itself. */
  readonly failure?: () => Error | undefined;
}

/** What the process runs, `sh -c` or the like: the program itself follows on standard input, in every login shell. */
export const boot =
  'echo pginstance-here >&2; eval "$(dd bs=1 count=$(dd bs=1 count=4 2>/dev/null) 2>/dev/null)"';
/** A line of its own: sudo quotes in its errors what it was to run. */
const here = /^pginstance-here$/m;

/**
 * The program of a framed shell. A frame is its size, its text, and the bytes that the command reads: the text ends
 * with the nonce, so that half a frame of a cut connection is never run. A short text goes as a line, which costs no
 * process to read. After each command both outputs get a mark.
 */
const program = (nonce: string) => `${preamble}${lookForFlock}nonce=${nonce}
if printf x | dd bs=1 count=1 iflag=fullblock >/dev/null 2>&1; then take() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null; }
else take() { dd bs=1 count="$1" 2>/dev/null; }; fi
mark() { printf '\\n--%s %s\\n' "$nonce" "$1"; printf '\\n--%s %s\\n' "$nonce" "$1" >&2; }
run() {
  size=$1 script=$2; shift 2
  if [ "$size" = 0 ]; then sh -c "$script" pginstance "$@" </dev/null 9>&-
  else { exec 9>&-; take "$size"; } | { exec 9>&-; sh -c "$script" pginstance "$@"; code=$?; cat >/dev/null; exit $code; }; fi
  mark $?
}
hold() { script=$2; shift 2; eval "$script"; mark $?; }
mark ready
while read -r frame; do
  case $frame in *[!0-9]*) ;; *) frame=$(take "$frame") ;; esac
  case $frame in *"#$nonce") eval "$frame" ;; *) exit 1 ;; esac
done
`;

/** What every sh reads as it is, and soon enough: it does so byte by byte. */
const asLine = /^[ -~]{1,1000}$/;

interface Pending {
  readonly command: Command;
  resolve(result: CommandResult): void;
  reject(error: Error): void;
}

/**
 * A long-lived sh whose commands travel as frames over its standard input: no process, no channel and no login shell
 * for each. Commands may be sent before earlier ones are answered; they run in order.
 */
export class FramedShell {
  readonly #nonce = newNonce();
  readonly #pending: Pending[] = [];
  readonly #known = new Map<string, string>();
  readonly #stdout: Marks;
  readonly #stderr: Marks;
  #limit: NodeJS.Timeout | undefined;
  #lost: Error | undefined;

  private constructor(
    private readonly where: string,
    private readonly process: Process,
  ) {
    const mark = `\n--${this.#nonce} `;
    this.#stdout = new Marks(mark, process.stdout, () => this.#settle());
    this.#stderr = new Marks(mark, process.stderr, () => this.#settle());
    const gone = () => this.#end(process.failure?.() ?? this.#died());
    for (const stream of [process.stdin, process.stdout, process.stderr]) stream.on("error", () => undefined);
    // The last words come on the other stream.
    process.stdout.once("close", gone).once("end", () => {
      if (process.stderr.readableEnded) gone();
      else process.stderr.once("end", gone).once("close", gone);
    });
  }

  /**
   * Waits until the shell says that it is there; what login and rc files print before is skipped.
   * @throws what `refused` makes of the words that the process left when it did not come to that, or of its silence
   */
  static async open(
    where: string,
    process: Process,
    way: Way,
    refused: (words: string, isSilent?: boolean) => Error,
    seconds = 30,
  ): Promise<FramedShell> {
    const shell = new FramedShell(where, process);
    const text = program(shell.#nonce);
    // Its length has four digits.
    const start = () => process.stdin.write(`${Buffer.byteLength(text)}${text}`);
    process.busy(true);
    // Who may ask for a password must not eat the program meanwhile; who does not ask must not get the password.
    if (!way.prompt) start();
    const ready = new Promise<void>((resolve, reject) => {
      shell.#pending.push({
        command: { name: "shell", script: "", seconds },
        resolve: () => resolve(),
        reject,
      });
      shell.#startLimit();
      if (way.prompt) converse(shell.#stderr, process, way, start, (why) => reject(refused(why)));
    });
    try {
      await ready;
    } catch (error) {
      process.end();
      const left = `${shell.#stderr.rest()}\n${shell.#stdout.rest()}`;
      const words = legible(left);
      const ended = here.test(left) ? swallowed : "no word of why";
      const silence = error instanceof ShellEnded ? ended : `no answer within ${seconds} s`;
      const isOver = error instanceof CommandError || words !== "";
      throw process.failure?.() ?? (isOver ? refused(words || silence, words === "") : error);
    }
    return shell;
  }

  get lost(): Error | undefined {
    return this.#lost ?? this.process.failure?.();
  }

  run(command: Command): Promise<CommandResult> {
    return this.#send("run", command);
  }

  hold(command: Omit<Command, "stdin">): Promise<CommandResult> {
    return this.#send("hold", command);
  }

  /** What it prints on either stream goes to `line`, and is in no result. */
  follow(command: Omit<Command, "stdin">, line: (text: string) => void): Promise<CommandResult> {
    this.#stdout.follow(line);
    this.#stderr.follow(line);
    return this.#send("hold", { ...command, seconds: Number.POSITIVE_INFINITY });
  }

  close(): void {
    this.#end(this.#lost ?? this.#died());
  }

  async #send(verb: "run" | "hold", command: Command): Promise<CommandResult> {
    if (this.lost) throw this.lost;
    const stdin = Buffer.from(command.stdin ?? "");
    const known = this.#known.get(command.script);
    const name = known ?? `s${this.#known.size}`;
    const words = [verb, String(stdin.length), `"$${name}"`, ...(command.args ?? []).map(quote)].join(" ");
    const definition = known ? "" : `${name}=${quote(command.script)}\n`;
    this.#known.set(command.script, name);
    const frame = `${definition}${words} #${this.#nonce}`;
    const sent = asLine.test(frame) ? `${frame}\n` : `${Buffer.byteLength(frame)}\n${frame}`;
    return new Promise((resolve, reject) => {
      this.#pending.push({ command, resolve, reject });
      if (this.#pending.length === 1) {
        this.process.busy(true);
        this.#startLimit();
      }
      this.process.stdin.write(Buffer.concat([Buffer.from(sent), stdin]));
    });
  }

  /** A command is answered when both outputs have its mark. */
  #settle(): void {
    while (this.#stdout.ready && this.#stderr.ready) {
      const out = this.#stdout.next();
      const { output: stderr } = this.#stderr.next();
      const first = this.#pending.shift();
      clearTimeout(this.#limit);
      if (this.#pending.length === 0) this.process.busy(false);
      else this.#startLimit();
      first?.resolve({ exitCode: Number(out.mark), stdout: out.output, stderr: stderr.toString("utf8") });
    }
  }

  /** Of the command that runs now: those behind it have not begun. */
  #startLimit(): void {
    const command = this.#pending[0]?.command;
    if (!command) return;
    const seconds = command.seconds ?? 60;
    if (seconds === Number.POSITIVE_INFINITY) return;
    this.#limit = setTimeout(() => {
      const error = new CommandError(`${command.name}: not within ${seconds} s on ${this.where}`, {
        command: command.name,
        timedOut: true,
        stderr: this.#stderr.rest(),
      });
      this.#pending.shift()?.reject(error);
      this.#end(this.#died());
    }, seconds * 1000);
  }

  #died(): Error {
    return new ShellEnded(`${this.#pending[0]?.command.name ?? "shell"}: the shell on ${this.where} ended`, {
      command: this.#pending[0]?.command.name ?? "shell",
      stderr: this.#stderr.rest(),
    });
  }

  #end(why: Error): void {
    if (this.#lost) return;
    this.#lost = why;
    clearTimeout(this.#limit);
    this.process.busy(false);
    this.process.end();
    for (const { reject } of this.#pending.splice(0)) reject(why);
  }
}

/** The shell is gone, and with it what it was to do; whether that was done is not known. */
export class ShellEnded extends CommandError {}

/** Of what is left of a shell that did not come up: without what we sent, which sudo quotes and an echo sends back. */
function legible(left: string): string {
  const words = left.replace(here, "").replaceAll(boot, "...");
  return words
    .replace(/\d{4}umask 077.*/s, swallowed)
    .replace(/\n{2,}/g, "\n")
    .trim();
}

/** It began, and its program was gone. */
const swallowed = "something else reads what is meant for it";

/** Answers the prompt, if there is one, once; starts what is there then. */
function converse(
  stderr: Marks,
  process: Process,
  { prompt, password }: Way,
  start: () => void,
  refused: (why: string) => void,
): void {
  let asked = false;
  stderr.watch((text) => {
    if (here.test(text)) start();
    else if (!prompt?.test(text)) return false;
    else if (password === undefined) refused("a password is required");
    else if (asked) refused("the password was refused");
    else process.stdin.write(`${password}\n`);
    asked = true;
    return true;
  });
}
