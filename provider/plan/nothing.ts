import type { Observed } from "../schema/state";

/** What there is before an instance is made: the plan of a create starts here. */
export const nothing: Observed = {
  existence: "absent",
  server: "stopped",
  role: "primary",
  systemIdentifier: null,
  serverVersion: null,
  dataChecksums: null,
  locale: null,
  encoding: null,
  settings: {},
  overrides: {},
  originals: {},
  pending: {},
  unapplied: "none",
  access: null,
  replicationRole: null,
  replicationSlots: [],
  passwordVerifier: null,
  restartTriggers: null,
  standbys: [],
  passfile: null,
  least: {},
  rejoining: false,
};
