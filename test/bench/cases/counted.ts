/** A contender whose connections are counted in the host's own log, run by run. */
import type { Contender, Count } from "../comparison";
import type { Site } from "../site";

export interface Counted {
  readonly contender: Contender;
  counts(): readonly Count[];
}

/** New connections of every run: SSH handshakes that were done, and connections that got no further too. */
export function counted(site: Site, wanted: number, it: Contender): Counted {
  const handshakes: number[] = [];
  const connections: number[] = [];
  let before = 0;
  const contender: Contender = {
    name: it.name,
    async prepare() {
      await it.prepare?.();
      before = await site.host.mark();
    },
    run: it.run,
    async finish() {
      handshakes.push(await site.host.handshakes(before));
      connections.push([...(await site.host.log(before)).matchAll(/^Connection from /gm)].length);
      await it.finish?.();
    },
  };
  const counts = () => [
    { name: "connections", wanted, values: connections },
    { name: "handshakes", wanted, values: handshakes },
  ];
  return { contender, counts: () => (site.local ? [] : counts()) };
}
