import { InstanceStateError, ProviderError } from "../errors";
import { findEncoding } from "../postgresql/locale";
import type { InstanceInputs } from "../schema/inputs";
import type { Remembered } from "../schema/state";
import { chooseLocale } from "../server/facts";
import { requireFreePort } from "../server/port";
import { type Opened, open } from "./open";

/**
 * What a new cluster needs of its host that the old one in its place does not have already: asked before that one is
 * deleted, which the engine does first.
 */
export async function requireReplaceable(old: Remembered, inputs: InstanceInputs): Promise<void> {
  try {
    const opened = await open(inputs);
    const { host, owner } = opened.target;
    newLocale(opened, inputs);
    if (inputs.port !== old.inputs.port) await requireFreePort(host, inputs.port, owner);
  } catch (cause) {
    if (!(cause instanceof ProviderError)) throw cause;
    throw new InstanceStateError(
      `the old cluster was not deleted, since no new one can be made: ${cause.message}`,
      { cause },
    );
  }
}

/** Of a cluster that is not there yet. @throws InstanceStateError where the host does not have the declared one */
export function newLocale({ target, facts }: Opened, { locale, encoding }: InstanceInputs): string {
  return chooseLocale(target.host, facts, locale, findEncoding(encoding ?? "UTF8") ?? "UTF8");
}
