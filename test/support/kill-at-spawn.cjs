/**
 * Loaded with --require into a process that a test kills: SIGKILL to itself around its KILL_AT-th spawn of another
 * process. KILL_WHEN is `before` it, or milliseconds after. KILL_COUNT names a file that gets the number of spawns.
 */
const childProcess = require("node:child_process");
const { writeFileSync } = require("node:fs");

const at = Number(process.env.KILL_AT ?? 0);
const when = process.env.KILL_WHEN ?? "before";
const { spawn } = childProcess;
let count = 0;

const kill = () => process.kill(process.pid, "SIGKILL");

childProcess.spawn = function (...args) {
  count += 1;
  if (process.env.KILL_COUNT) writeFileSync(process.env.KILL_COUNT, String(count));
  if (count === at && when === "before") kill();
  const child = spawn.apply(this, args);
  if (count === at) {
    // A timer would let the event loop turn, and what is written at once be written; zero is before that.
    if (Number(when) === 0) kill();
    setTimeout(kill, Number(when));
  }
  return child;
};
require("node:module").syncBuiltinESMExports();
