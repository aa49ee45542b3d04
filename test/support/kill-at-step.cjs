/**
 * Loaded with NODE_OPTIONS=--require into every Node of a CLI run; in the dynamic provider it sends SIGKILL to itself
 * around the first command to a shell, here or over SSH, that has KILL_STEP among its arguments: before it, or
 * KILL_AFTER milliseconds after.
 */
const { Duplex } = require("node:stream");

if (/dynamic-provider/.test(process.argv[1] ?? "") && process.env.KILL_STEP) {
  const { write } = Duplex.prototype;
  const kill = () => process.kill(process.pid, "SIGKILL");
  Duplex.prototype.write = function (chunk, ...rest) {
    const isIt = Buffer.isBuffer(chunk) && chunk.includes(`'${process.env.KILL_STEP}'`);
    if (isIt && process.env.KILL_AFTER === undefined) kill();
    const written = write.call(this, chunk, ...rest);
    if (isIt) setTimeout(kill, Number(process.env.KILL_AFTER));
    return written;
  };
}
