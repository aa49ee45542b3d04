/** What the project promises of each case: ratios of ours to a peer's, smaller is better. */

export interface Aim {
  readonly aim: number;
  readonly moonshot: number;
}

/** By case, then by peer. A peer that is not here is shown for comparison only. */
export const aims: Readonly<Record<string, Readonly<Record<string, Aim>>>> = {
  create: {
    raw: { aim: 1.1, moonshot: 0.85 },
    pglift: { aim: 0.65, moonshot: 0.5 },
    ansible: { aim: 0.5, moonshot: 0.4 },
  },
  configure: { raw: { aim: 1, moonshot: 0.3 } },
  read: { raw: { aim: 1, moonshot: 0.3 } },
  downtime: { pg_ctl: { aim: 0.8, moonshot: 0.4 } },
  twenty: { raw: { aim: 1.15, moonshot: 1 } },
  refresh: { raw: { aim: 1.5, moonshot: 1.1 } },
  distance: { "raw, connection kept": { aim: 0.1, moonshot: 0.1 } },
  throughput: { raw: { aim: 1.25, moonshot: 1 } },
  footprint: { null: { aim: 1.3, moonshot: 1.3 } },
  preview: { null: { aim: 1.1, moonshot: 1.02 } },
};
