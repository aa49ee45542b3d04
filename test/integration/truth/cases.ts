import fc from "fast-check";
import type { Properties } from "../../../provider/schema/check";
import { properties, type Slot, slots, withoutUndefined } from "../../property/plan/arbitraries";
import type { Major } from "../../support/servers";
import { type Deed, type DeedKind, deedKindsOf, needsOf } from "./deeds";
import { hasAllPrograms } from "./site";
import { startable } from "./startable";

/** What is remembered, what somebody makes of it, and what is wanted. Data alone: it prints as it is. */
export interface Case {
  readonly index: number;
  readonly lane: Lane;
  readonly major: Major;
  readonly before: Properties;
  readonly deeds: readonly Deed[];
  /** Whether the state knows of them. */
  readonly refreshes: boolean;
  readonly now: Properties;
  /** As now, spelt otherwise. */
  readonly respelt: Properties;
  readonly ignores: readonly string[];
}

/** Each of its own way to be started, to be stopped, and to have settings; and one that follows another. */
const lanes = ["14", "17", "18", "standby"] as const;
export type Lane = (typeof lanes)[number];

/** Each number has its case, whatever the others are; each kind of deed comes up in turn, and is the first one then. */
export function caseAt(seed: number, index: number): Case {
  const place = index % lanes.length;
  const lane = lanes[place] as Lane;
  const kinds = deedKindsOf(lane === "standby" ? "standby" : "primary");
  // Each lane begins elsewhere.
  const turn = Math.floor(index / lanes.length) + Math.floor((place * kinds.length) / lanes.length);
  const kind = kinds[turn % kinds.length] as DeedKind;
  const arbitrary = caseOf(index, lane, kind);
  const [made] = fc.sample(arbitrary, { seed: seed * 1_000_003 + index, numRuns: 1 });
  if (!made) throw new Error("no case");
  return made;
}

/** Whatever else is declared, this is. */
const always: Slot = { name: "work_mem", before: ["5MB"], after: ["5MB", "5120kB", 5120], hand: "7MB" };

/** What a standby has from its primary; and a new copy of that finds no room where its WAL was moved to. */
const primarys = [
  "superuserPasswordVerifier",
  "replicationRole",
  "replicationSlots",
  "tablespaces",
  "walDirectory",
];

/** This machine may have no systemd, and what has units is for hosts that boot. Only pg_checksums changes checksums. */
function programs(lane: Lane): fc.Arbitrary<Properties> {
  const left = [
    "runs",
    ...(hasAllPrograms(lane) ? [] : ["dataChecksums"]),
    ...(lane === "standby" ? primarys : []),
  ];
  const all: Record<string, fc.Arbitrary<unknown>> = {
    ...properties,
    ...(lane === "standby" && { standby }),
    // Each move is a restart.
    port: fc.oneof({ weight: 3, arbitrary: fc.constant(5432) }, properties.port),
    socketDirectory: fc.oneof({ weight: 3, arbitrary: fc.constant("/run/a") }, properties.socketDirectory),
  };
  const offered = Object.fromEntries(Object.entries(all).filter(([name]) => !left.includes(name)));
  return fc.record(offered, { requiredKeys: ["port", "socketDirectory"] });
}

/** Mostly one that goes on to follow. */
const standby = fc.constantFrom(
  { rejoin: "rebuild" },
  { rejoin: "rebuild" },
  { rejoin: "refuse" },
  { status: "promoted", promoteWhen: "always" },
);

/** Whatever it became, it follows again. */
const follows = (lane: Lane): Properties => (lane === "standby" ? { standby: { rejoin: "rebuild" } } : {});

function caseOf(index: number, lane: Lane, kind: DeedKind): fc.Arbitrary<Case> {
  const major = lane === "standby" ? "15" : lane;
  const kinds = deedKindsOf(lane === "standby" ? "standby" : "primary");
  return fc
    .record({
      given: slots(major, startable(major)),
      first: programs(lane),
      second: programs(lane),
      /** Most programs differ little from the one before. */
      kept: fc.subarray(Object.keys(properties)),
      others: fc.array(fc.constantFrom(...kinds), { maxLength: 3 }),
      picks: fc.infiniteStream(fc.nat(1000)),
      refreshes: fc.boolean(),
      moves: fc.integer({ min: 0, max: 9 }),
      isOffline: fc.integer({ min: 0, max: 9 }),
      ignored: fc.oneof(fc.constant<string[]>([]), fc.subarray(ignorable, { maxLength: 3 })),
    })
    .map(({ given, first, second, kept, others, picks, refreshes, moves, isOffline, ignored }) => {
      const all = [always, ...given.filter(({ name }) => name !== always.name)];
      const next = () => picks.next().value as number;
      // A downtime takes its time.
      const rare = isOffline < 2 ? [] : ["walDirectory", "tablespaces", "dataChecksums"];
      const often = (all: Properties): Properties =>
        Object.fromEntries(Object.entries(all).filter(([name]) => !rare.includes(name)));
      const before = {
        ...often(first),
        ...(kind === "checksums" && !hasAllPrograms(lane) ? {} : needsOf(kind)),
        ...follows(lane),
      };
      const same = Object.entries(before).filter(([name]) => kept.includes(name));
      const mixed: Properties = { ...often(second), ...Object.fromEntries(same) };
      const stays = before.port === mixed.port && before.socketDirectory === mixed.socketDirectory;
      // Else it is refused, which some cases shall be.
      const wanted = stays || moves === 0 ? mixed : { ...mixed, restartOnChanges: true };
      const program = (rest: object, settings: [string, unknown][]): Properties =>
        withoutUndefined({ ...rest, settings: Object.fromEntries(settings) });
      const declared = all.filter(({ before: said }) => said && said[0] !== null);
      const deed = (of: DeedKind): Deed => {
        const { name, hand } = declared[next() % declared.length] ?? always;
        return { kind: of, name, value: hand, pick: next() };
      };
      return {
        index,
        lane,
        major,
        before: program(
          before,
          all.flatMap(({ name, before: said }) => (said ? [[name, said[0]]] : [])),
        ),
        deeds: [kind, ...others].map(deed),
        refreshes,
        now: program(
          wanted,
          all.flatMap(({ name, after }) => (after ? [[name, after[0]]] : [])),
        ),
        respelt: program(
          wanted,
          all
            .flatMap(({ name, after }): [string, unknown][] =>
              after ? [[name, after[next() % after.length]]] : [],
            )
            .reverse(),
        ),
        ignores: ignored.map((path) => path.replace("*", all[next() % all.length]?.name ?? "")),
      };
    });
}

const ignorable = [
  "settings",
  "settings.*",
  "settings.*",
  "state",
  "hba",
  "superuserPasswordVerifier",
  "dataChecksums",
  "port",
  "replicationSlots",
  "restartTriggers",
];
