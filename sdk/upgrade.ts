import type * as pulumi from "@pulumi/pulumi";

/** How pg_upgrade works. See https://www.postgresql.org/docs/current/pgupgrade.html */
export interface UpgradeArgs {
  /**
   * What becomes of the files. `copy` (default): they are copied, which takes time and as much room again; `clone`: the
   * same by the file system's own means (Btrfs, XFS, APFS), at once. Of both there is a way back until the new server
   * runs. `link`: hard links, at once; a way back until the new server's first start. `swap` (from 18 on): folders are
   * moved, the fastest with many files; no way back once the transfer begins.
   */
  mode?: pulumi.Input<"copy" | "link" | "clone" | "swap">;

  /** Processes at a time, 1 to 64, for pg_upgrade and for the statistics after it. Default: 1. */
  jobs?: pulumi.Input<number>;

  /**
   * Whether the old cluster stays beside the new one, unable to start by accident. Default: true. `false` removes it:
   * together with an upgrade once that is through, or later, all that earlier upgrades left; the preview warns of it. To
   * start an old cluster (of `copy` or `clone`) again, rename its `global/pg_control.old` to `pg_control`.
   *
   * A deletion of the instance takes its old clusters with it: they hold its own data of before, and are a way back of an
   * instance that is no more. To keep one, move it away first. One whose server somebody started again is not removed, and
   * the deletion fails until that is stopped.
   */
  keepOld?: pulumi.Input<boolean>;

  /**
   * Allows an upgrade that loses logical replication slots (of a major below 17), or that attached standbys do not survive.
   * Default: false, and such an upgrade is refused before anything is done.
   */
  dropsReplication?: pulumi.Input<boolean>;
}
