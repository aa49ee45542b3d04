import { thisMachine } from "../host/host";
import { type AcceptedKeys, acceptedOn, firstContacts } from "../host/ssh/accepted-keys";
import { nameOf } from "../host/ssh/login";
import { info, type PlanLine } from "../plan/line";
import type { InstanceInputs } from "../schema/inputs";

/** What can be said of the way to a host without going there, or loading what goes there. */

/** As the host itself is called. */
export function nameOfHost({ host }: Pick<InstanceInputs, "host">): string {
  const way = host.openssh ?? host.ssh;
  return way ? nameOf(way) : thisMachine;
}

/** What the state has to keep of the way there. */
export function keysOf({ host }: InstanceInputs, accepted: AcceptedKeys): AcceptedKeys {
  return host.ssh ? acceptedOn(host.ssh, accepted) : {};
}

/** Whom the reviewer lets pass without knowing them. */
export function printFirstContacts({ host }: InstanceInputs, accepted: AcceptedKeys): PlanLine[] {
  const names = host.ssh ? firstContacts(host.ssh, accepted) : [];
  return names.map((name) =>
    info(
      `plan: the key of ${name}, where known_hosts has none, is taken at the first contact whatever it is, and kept in the ` +
        'state (hostKeyPolicy is "accept-new")',
    ),
  );
}
