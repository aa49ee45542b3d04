/**
 * What the state keeps of the provider's code. It is the same for every release, and stays: old states are opened by
 * it, and nothing of a program is ever captured.
 */
export const provider = 'exports.handler = () => require("pulumi-pginstance/provider").instance;';

export const type = "pulumi-nodejs:dynamic/pginstance:Instance";

/** The files' entries are among what was observed, and one of them may be a secret. */
export const secretOutputs = ["superuserPasswordVerifier", "observed"];
