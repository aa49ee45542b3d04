import type * as ssh2 from "ssh2";

/** Loaded with the first connection: a preview does without it, and without its memory. */
export const library = (): typeof ssh2 => require("ssh2");
