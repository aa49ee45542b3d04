/**
 * Loaded with --require into a process that a test kills: SIGKILL to itself at its KILL_AT-th spawn of another process
 * or write to one's standard input. KILL_WHEN is `before` it, `half` of a write, or milliseconds after. KILL_POINTS
 * names a file that gets a letter for each: s or w.
 */
const childProcess = require("node:child_process");
const { writeFileSync } = require("node:fs");

const at = Number(process.env.KILL_AT ?? 0);
const when = process.env.KILL_WHEN ?? "before";
const { spawn } = childProcess;
let points = "";

const kill = () => process.kill(process.pid, "SIGKILL");

/** Does it, or half of it, unless the end comes before; the end may come after, too. */
function point(letter, act, half) {
  points += letter;
  if (process.env.KILL_POINTS) writeFileSync(process.env.KILL_POINTS, points);
  const isIt = points.length === at;
  if (isIt && when === "before") kill();
  if (isIt && when === "half") {
    half();
    kill();
  }
  const result = act();
  if (isIt) {
    // A timer would let the event loop turn, and what is written at once be written; zero is before that.
    if (Number(when) === 0) kill();
    setTimeout(kill, Number(when));
  }
  return result;
}

childProcess.spawn = (...args) => {
  const child = point(
    "s",
    () => spawn(...args),
    () => undefined,
  );
  const { stdin } = child;
  if (stdin) {
    const write = stdin.write.bind(stdin);
    stdin.write = (chunk, ...rest) =>
      point(
        "w",
        () => write(chunk, ...rest),
        () => write(Buffer.from(chunk).subarray(0, Buffer.byteLength(chunk) / 2)),
      );
  }
  return child;
};
require("node:module").syncBuiltinESMExports();
