import { constants, gunzipSync } from "node:zlib";

/**
 * Much output of a script, made smaller where the host has gzip: what is far away then comes in fewer pieces.
 *
 * A shell function: `packed COMMAND ...` prints what the command prints, for `unpack` to read.
 */
export const packing = `packed() { if command -v gzip >/dev/null 2>&1; then "$@" | gzip -1; else "$@"; fi; }
`;

/** Of what was cut off, as much as has come. */
export function unpack(output: Buffer): Buffer {
  return output.subarray(0, 2).equals(magic)
    ? gunzipSync(output, { finishFlush: constants.Z_SYNC_FLUSH })
    : output;
}

/** https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1 */
const magic = Buffer.of(0x1f, 0x8b);
