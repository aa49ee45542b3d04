/**
 * Loaded with NODE_OPTIONS=--require into every Node of a CLI run; in the dynamic provider it sends SIGKILL to itself
 * around the first spawn that has KILL_STEP among its arguments: before it, or KILL_AFTER milliseconds after.
 */
const childProcess = require("node:child_process");

if (/dynamic-provider/.test(process.argv[1] ?? "") && process.env.KILL_STEP) {
  const { spawn } = childProcess;
  const kill = () => process.kill(process.pid, "SIGKILL");
  childProcess.spawn = function (file, args, ...rest) {
    const isIt = Array.isArray(args) && args.includes(process.env.KILL_STEP);
    if (isIt && process.env.KILL_AFTER === undefined) kill();
    const child = spawn.call(this, file, args, ...rest);
    if (isIt) setTimeout(kill, Number(process.env.KILL_AFTER));
    return child;
  };
  require("node:module").syncBuiltinESMExports();
}
