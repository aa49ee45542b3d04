import type { InputFailure } from "../errors";
import { equalLocales, findEncoding } from "../postgresql/locale";
import type { InstanceInputs, PropertyName } from "../schema/inputs";
import type { Remembered } from "../schema/state";
import { desireService } from "./desired-service";
import { isUp } from "./is-up";
import { offlineSteps, standbysInTheWay } from "./maintenance";
import { rulesBroken, slotsInTheWay } from "./settings-refusals";
import { judgeStandby } from "./standby-refusals";
import { upgradeRefusals } from "./upgrade-refusals";

/** What cannot be changed in place: a row each, with the way that there is. */
interface Row {
  readonly property: PropertyName;
  readonly kind: "fixed" | "replaces";
  readonly same: (before: unknown, now: unknown) => boolean;
  /** The way there is, after `changing X to Y`. */
  readonly instead: string;
}

const equal = (before: unknown, now: unknown): boolean => JSON.stringify(before) === JSON.stringify(now);
const ofTexts = (same: (a: string, b: string) => boolean) => (before: unknown, now: unknown) =>
  typeof before === "string" && typeof now === "string" && same(before, now);

const emptyCluster = "means a new, empty cluster";

const rows: readonly Row[] = [
  {
    property: "name",
    kind: "fixed",
    same: equal,
    instead: "is not possible: a name is for life. Declare a second instance and move the data",
  },
  {
    property: "dataDirectory",
    kind: "fixed",
    same: equal,
    instead: "is not done by the provider: it never moves data",
  },
  {
    property: "owner",
    kind: "fixed",
    same: equal,
    instead: "is not done by the provider: it never changes the owner of data",
  },
  { property: "superuser", kind: "replaces", same: equal, instead: emptyCluster },
  { property: "locale", kind: "replaces", same: ofTexts(equalLocales), instead: emptyCluster },
  {
    property: "encoding",
    kind: "replaces",
    same: ofTexts((a, b) => findEncoding(a) === findEncoding(b)),
    instead: emptyCluster,
  },
];

export interface Verdict {
  readonly refusals: readonly InputFailure[];
  /** Properties that make a replacement necessary. */
  readonly replaces: readonly PropertyName[];
}

/** What stands against turning the remembered instance into the wanted one, as far as anything exists already. */
export function judge(remembered: Remembered, wanted: InstanceInputs): Verdict {
  if (remembered.observed.existence === "absent") return { refusals: [], replaces: [] };
  const changed = rows.flatMap((row) => {
    const before = recorded(remembered, row.property);
    const now = wanted[row.property];
    const same = now === undefined || before === null || row.same(before, now);
    return same ? [] : [{ ...row, before, now }];
  });
  const isProtected = remembered.inputs.deletionProtection && remembered.phase !== "creating";
  return {
    refusals: [
      ...changed.filter((row) => row.kind === "fixed" || isProtected).map(refusal),
      ...pendingMoves(remembered, wanted),
      ...rulesBroken(remembered.observed, wanted),
      ...slotsInTheWay(remembered.observed, wanted),
      ...attachedStandbys(remembered, wanted),
      ...judgeStandby(remembered, wanted),
      ...upgradeRefusals(remembered, wanted),
    ],
    replaces: changed.filter((row) => row.kind === "replaces").map((row) => row.property),
  };
}

function refusal(row: Row & { before: unknown; now: unknown }): InputFailure {
  const change = `changing ${print(row.before)} to ${print(row.now)} ${row.instead}`;
  const why = row.kind === "replaces" ? `${change}; refused while deletionProtection is true` : change;
  return { property: row.property, reason: why };
}

/** The next plan would forget a pending port or socket, and clients would connect to nothing. */
function pendingMoves({ inputs, observed }: Remembered, wanted: InstanceInputs): InputFailure[] {
  if (wanted.restartOnChanges || wanted.state === "stopped" || !isUp(observed)) return [];
  if (observed.version !== wanted.version) return [];
  const before = observed.settings.unix_socket_directories?.value ?? null;
  const released = observed.originals.unix_socket_directories ?? null;
  const rows: readonly [property: PropertyName, moved: boolean, from: unknown, to: unknown][] = [
    ["port", inputs.port !== wanted.port, inputs.port, wanted.port],
    [
      "socketDirectory",
      inputs.socketDirectory !== wanted.socketDirectory && before !== (wanted.socketDirectory ?? released),
      before ?? "the default",
      wanted.socketDirectory ?? released ?? "the default",
    ],
  ];
  return rows
    .filter(([, moved]) => moved)
    .map(([property, , from, to]) => ({
      property,
      reason: `changing ${from} to ${to} needs a restart; set restartOnChanges: true with it`,
    }));
}

function attachedStandbys({ observed }: Remembered, inputs: InstanceInputs): InputFailure[] {
  const reason = standbysInTheWay(
    observed,
    offlineSteps(observed, { inputs, service: desireService(inputs, null) }),
  );
  return reason
    ? [{ property: "dataChecksums", reason: `${reason}. \`pulumi refresh\` looks who is attached` }]
    : [];
}

function recorded(remembered: Remembered, property: PropertyName): unknown {
  const { observed, dataDirectory, owner, inputs } = remembered;
  const found: Partial<Record<PropertyName, unknown>> = {
    dataDirectory,
    owner,
    locale: observed.locale,
    encoding: observed.encoding,
  };
  return property in found ? found[property] : inputs[property];
}

function print(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
