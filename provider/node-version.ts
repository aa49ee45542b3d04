/** Imported first: on an older Node a dependency would fail with a message that tells nobody why. */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 12)) {
  const message = `pulumi-pginstance needs Node 22.12 or newer; this is Node ${process.versions.node}. Update Node (https://nodejs.org) and run the command again.`;
  // The mark of a RunError: Pulumi then prints the message alone, without a stack.
  throw Object.assign(new Error(message), { stack: message, __pulumiRunError: true });
}
