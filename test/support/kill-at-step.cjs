/**
 * Loaded with NODE_OPTIONS=--require into every Node of a CLI run; in the dynamic provider it sends SIGKILL to itself
 * around the first command to a shell that has KILL_STEP among its arguments: before it, or KILL_AFTER milliseconds
 * after.
 */
const childProcess = require("node:child_process");

if (/dynamic-provider/.test(process.argv[1] ?? "") && process.env.KILL_STEP) {
  const { spawn } = childProcess;
  const kill = () => process.kill(process.pid, "SIGKILL");
  childProcess.spawn = (...args) => {
    const child = spawn(...args);
    const { stdin } = child;
    const write = stdin?.write.bind(stdin);
    if (stdin) {
      stdin.write = (chunk, ...rest) => {
        const isIt = chunk.includes(`'${process.env.KILL_STEP}'`);
        if (isIt && process.env.KILL_AFTER === undefined) kill();
        const written = write(chunk, ...rest);
        if (isIt) setTimeout(kill, Number(process.env.KILL_AFTER));
        return written;
      };
    }
    return child;
  };
  require("node:module").syncBuiltinESMExports();
}
