/** The settings of a major as we have them, and what of them a server may not know. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Setting } from "../../../provider/postgresql/settings";
import type { Major } from "../../../provider/postgresql/version";

const catalogs = "provider/postgresql/settings-catalog";

export const settingsOf = (major: Major): readonly Setting[] =>
  JSON.parse(readFileSync(join(catalogs, `${major}.json`), "utf8"));

/** Values that only some builds have. The catalog has them all. */
const buildDependent = new Set(["lz4", "zstd", "io_uring", "fsync_writethrough", "clone", "syncfs"]);

/** Of an enum, those that every build has. */
export const wordsOf = ({ enumvals }: Setting): readonly string[] =>
  (enumvals ?? []).filter((value) => !buildDependent.has(value));
