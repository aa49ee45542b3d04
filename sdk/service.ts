import type * as pulumi from "@pulumi/pulumi";

/** How systemd runs the server. See https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html */
export interface ServiceArgs {
  /**
   * Whether a boot of the host starts the server. Default: true. Whatever it says, a unit of the provider's own is enabled
   * only while `state` is `"started"`: what is stopped stays stopped after a reboot. A change restarts nothing.
   */
  enabled?: pulumi.Input<boolean>;

  /**
   * A unit that somebody else made, as in `"postgresql@17-main"`: the server is started by that one, and no other is
   * written. It is not changed, not enabled or disabled by the provider, and it stays when the instance is deleted. Where
   * nobody may become root it is a unit of the owner's own systemd (see `serviceManager`).
   * Default: a unit of the provider's own (the output `unit`); of an instance that is taken over (`adopt`) the unit that
   * its server runs in, if there is one. Where that one has no `User=` of the owner, and no name that begins with
   * `postgresql`, it has to be declared: root starts no other unit for an owner.
   */
  unit?: pulumi.Input<string>;

  /**
   * Environment variables of the server, beside those that let the OOM killer spare it where the unit is the host's.
   * Everybody on the host can read them: no secrets. Default: none. A change is written at once and taken by the next start; nothing is restarted.
   * @example { LD_PRELOAD: "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2" }
   */
  environment?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}
