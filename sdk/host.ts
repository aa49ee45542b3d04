import * as pulumi from "@pulumi/pulumi";

/**
 * How to get to the machine: exactly one of `local`, `ssh` and `openssh`. It is never part of who an instance is: a change
 * moves nothing.
 */
export type HostArgs =
  | {
      /** The machine on which Pulumi runs. */
      local: Record<string, never>;
      ssh?: undefined;
      openssh?: undefined;
    }
  | {
      /** A machine that is reached by SSH. Nothing needs to be installed there but PostgreSQL. */
      ssh: pulumi.Input<SshArgs>;
      local?: undefined;
      openssh?: undefined;
    }
  | {
      /** The same by the `ssh` of where Pulumi runs, with all that its configuration says. */
      openssh: pulumi.Input<OpensshArgs>;
      local?: undefined;
      ssh?: undefined;
    };

/**
 * Credentials themselves. The state keeps them, encrypted, whether the program made them secret or not; what
 * {@link SshMeans} refers to is in no state and wins over them.
 */
export interface SshSecrets {
  /**
   * Text of a private key, in any format that OpenSSH writes or reads. Not its path (that is `privateKeyFile`), not
   * the public key: both are refused in the preview. Default: none.
   */
  privateKey?: pulumi.Input<string>;

  /** Opens the private key, this one or the one that is referred to, where it is encrypted. Default: none. */
  passphrase?: pulumi.Input<string>;

  /**
   * Password of the user, for the method `password`. Where the server takes that not but `keyboard-interactive`, it is
   * the answer to the first prompt, if that is the only one and does not echo; a second question is an error. Default:
   * none.
   */
  password?: pulumi.Input<string>;
}

/**
 * Where credentials are found. All of them are looked up when a connection is made, where Pulumi runs, by `up`,
 * `refresh` and `destroy` alike: whoever runs those needs them, and no state holds them.
 *
 * One key, the agent and one password are tried, in this order, as far as there are any. Of key, passphrase and
 * password each is the first that is found:
 *
 * 1. what is named here: `privateKeyFile`, then `privateKeyEnv`; `passphraseEnv`; `passwordEnv`. It must be there.
 * 2. the environment: `PGINSTANCE_SSH_PRIVATE_KEY`, then `PGINSTANCE_SSH_PRIVATE_KEY_FILE`;
 *    `PGINSTANCE_SSH_PASSPHRASE`; `PGINSTANCE_SSH_PASSWORD`.
 * 3. what the state holds ({@link SshSecrets}).
 *
 * Without any it is as with ssh: the agent of `SSH_AUTH_SOCK`, then `~/.ssh/id_ed25519`, `id_ecdsa` and `id_rsa`. For a
 * jump that has something of its own the environment does not count; one that has nothing is opened by key and agent of
 * the host at the end, never by its password.
 */
export interface SshMeans {
  /**
   * `true`: the agent of `SSH_AUTH_SOCK`; an absolute path or `~/...`: the agent at that socket; `false`: none, even
   * where there is nothing else. Default: only where there is nothing else.
   */
  agent?: pulumi.Input<boolean | string>;

  /**
   * A private key's file: an absolute path, or `~/...` for the home of the user that runs Pulumi.
   * @example "~/.ssh/deploy"
   */
  privateKeyFile?: pulumi.Input<string>;

  /**
   * Name of the environment variable that holds the text of a private key.
   * @example "DB1_SSH_KEY"
   */
  privateKeyEnv?: pulumi.Input<string>;

  /** Name of the environment variable that holds the passphrase of the private key. */
  passphraseEnv?: pulumi.Input<string>;

  /** Name of the environment variable that holds the password of the user. */
  passwordEnv?: pulumi.Input<string>;
}

/** A machine on the way, or at its end. */
export interface SshHop extends SshMeans {
  /**
   * Name or address, IPv6 without brackets; neither user nor port.
   * @example "db1.example.com"
   */
  host: pulumi.Input<string>;

  /** Port of the SSH server, 1 to 65535. Default: 22. */
  port?: pulumi.Input<number>;

  /** Whom to log in as. Default: the user that runs Pulumi. See {@link Become} for the way to the server's owner. */
  user?: pulumi.Input<string>;

  /**
   * The one key that the machine may have: a line as in a `.pub` file or behind the name in known_hosts, or its
   * fingerprint. Default: what `knownHosts` say. A key that is unknown, or another one, is an error; nothing turns
   * that off.
   * @example "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI..."
   * @example "SHA256:uNiVztksCsDhcc0u9e8BrWJ6pQSEqxyjdHAhKJ5c2zI"
   */
  hostKey?: pulumi.Input<string>;
}

/**
 * A machine that is reached by SSH. All instances of a host share one connection.
 *
 * Errors: a name that does not resolve; no answer within `connectTimeout`, tried again for `retryFor`; a host key that
 * is unknown (the error shows it) or has changed; an authentication that is refused, which is never tried again; a
 * connection lost for three times `keepAlive`. Each names the machine of the way at which it happened. A host that
 * cannot be reached is an error, never an instance that is gone: no run forgets it.
 *
 * @example
 * // A key of its own, which stays where it is.
 * { host: "db1.example.com", user: "deploy", privateKeyFile: "~/.ssh/deploy" }
 * @example
 * // Behind a bastion, whose key comes from the stack's configuration.
 * {
 *   host: "10.0.3.7",
 *   user: "deploy",
 *   hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI...",
 *   jump: [{ host: "bastion.example.com", user: "jump" }],
 *   jumpCredentials: { "bastion.example.com": { privateKey: config.requireSecret("bastionKey") } },
 * }
 */
export interface SshArgs extends SshHop, SshSecrets {
  /**
   * Machines to pass, in order, 8 at most and each `host` once; every one is verified by its own host key and used to
   * reach the next. No secret may stand in it, since one in a list hides all of the list: see `jumpCredentials`.
   * Default: none.
   */
  jump?: pulumi.Input<pulumi.Input<SshHop>[]>;

  /** Credentials of the jumps, by their `host`. Default: what each jump refers to. */
  jumpCredentials?: pulumi.Input<Record<string, pulumi.Input<SshSecrets>>>;

  /**
   * Files in the format of known_hosts, absolute or `~/...`; one that is named here must be there. Default: those of
   * OpenSSH, `~/.ssh/known_hosts` first. A key that they revoke is refused even where it is the `hostKey`. Certificates
   * are not checked: where they have only an authority for a host (`@cert-authority`) its key is not known.
   */
  knownHosts?: pulumi.Input<pulumi.Input<string>[]>;

  /**
   * What becomes of a host, or a jump, whose key nobody knows. `"strict"` (default): it is refused, and the error says how
   * to make the key known. `"accept-new"`: the key is taken at the first contact, whatever it is, and kept in the state
   * (output `hostKeys`); from then on that key alone is let pass, and another one is refused with both fingerprints. A key
   * that is declared, or that known_hosts has otherwise or revokes, counts before it. Whoever is in the way at the first
   * contact stays there: compare the output with the host's own key. Only for an Instance: nothing else has a state.
   */
  hostKeyPolicy?: pulumi.Input<"strict" | "accept-new">;

  /**
   * A configuration of ssh (ssh_config(5)) for what is not declared here, for the host and for every jump: an absolute
   * path or `~/...`, read where Pulumi runs, by `up`, `refresh` and `destroy` alike; nothing of it is in the state. Default:
   * none is read.
   *
   * Of it counts, as with `ssh -F`: HostName, Port, User, IdentityFile (several), IdentitiesOnly (the agent is left out),
   * IdentityAgent, ProxyJump (8 jumps at most, each looked up in the same file), UserKnownHostsFile, GlobalKnownHostsFile,
   * HostKeyAlias, ConnectTimeout and ServerAliveInterval, under Host, Match (all, host, originalhost, user, localuser,
   * final) and Include, with their tokens. Key files and agent of it stand in place of the usual ones, so any other means
   * that is declared or in the environment comes before them.
   *
   * Host keys stay verified whatever it says of StrictHostKeyChecking, and what it says of algorithms, forwarding and the
   * like is left aside. What would need more is an error that names file and line: ProxyCommand, CertificateFile,
   * PKCS11Provider, KnownHostsCommand, RevokedHostKeys, CanonicalizeHostname, `Match exec` and other criteria;
   * {@link OpensshArgs} has them all. So is a file that is missing or broken. Not with `hostKeyPolicy: "accept-new"`.
   * @example "~/.ssh/config"
   */
  configFile?: pulumi.Input<string>;

  /** Seconds until one attempt to connect has failed, 1 to 600. Default: 10. */
  connectTimeout?: pulumi.Input<number>;

  /** Seconds for which a host that does not answer, as while it boots, is tried again, 0 to 3600. Default: 30. */
  retryFor?: pulumi.Input<number>;

  /** Seconds between signs of life, 1 to 600; after three without answer the connection is lost. Default: 10. */
  keepAlive?: pulumi.Input<number>;
}

/**
 * A machine that is reached by the `ssh` of where Pulumi runs (ssh(1)), as by hand: by certificates, hardware keys,
 * Kerberos (GSSAPI), jumps, and whatever else ssh_config(5) has, which the provider itself does not speak. It takes a POSIX
 * shell and OpenSSH 8.4 or newer there, so not Windows. All instances of a host share one connection, a ControlMaster of
 * its own in a private temporary directory; both are gone when Pulumi ends, also when it is killed. Where the
 * configuration has a ControlPath and a master of the user's listens there, that one is used instead, and stays: whoever
 * has to type a password or a code does so before, by `ssh -fNM HOST`.
 *
 * Which key, which way and which host key are ssh's business: say it in its configuration. These alone it cannot change,
 * for the host and for every jump of the way:
 *
 * - nobody is asked (`BatchMode yes`): a key needs an agent or no passphrase, and no password is given. A key that wants
 *   a touch gets three times `connectTimeout` for it.
 * - a host key that is unknown or has changed is refused (`StrictHostKeyChecking yes`, whatever the files say);
 * - nothing is forwarded, and no `LocalCommand` runs.
 *
 * Errors: as for {@link SshArgs}, in ssh's own words; and a configuration that ssh refuses. To see what ssh makes of it:
 * `ssh -G HOST`, and `ssh -o BatchMode=yes HOST true`.
 *
 * @example
 * // As `ssh db1` does it.
 * { host: "db1" }
 * @example
 * // With a configuration that lies beside the program's, such as one with CertificateFile and ProxyJump.
 * { host: "db1.example.com", user: "deploy", configFile: "/etc/ssh/deploy_config" }
 */
export interface OpensshArgs {
  /**
   * Name or address as on the command line of ssh, IPv6 without brackets; neither user nor port. Where it is the name of
   * a `Host` block alone, clients do not know it: declare the `address` of the Instance.
   * @example "db1"
   */
  host: pulumi.Input<string>;

  /** Port of the SSH server, 1 to 65535. Default: what the configuration says, else 22. */
  port?: pulumi.Input<number>;

  /**
   * Whom to log in as. Default: what the configuration says, else the user that runs Pulumi. See {@link Become} for the
   * way to the server's owner.
   */
  user?: pulumi.Input<string>;

  /**
   * The configuration in place of `~/.ssh/config` and `/etc/ssh/ssh_config`, as with `ssh -F`: an absolute path or `~/...`,
   * read where Pulumi runs, at each use; it must be there. Default: those two.
   * @example "~/.ssh/deploy_config"
   */
  configFile?: pulumi.Input<string>;

  /** Seconds until one attempt to connect has failed, 1 to 600, for each machine of the way. Default: 10. */
  connectTimeout?: pulumi.Input<number>;

  /** Seconds for which a host that does not answer, as while it boots, is tried again, 0 to 3600. Default: 30. */
  retryFor?: pulumi.Input<number>;

  /** Seconds between signs of life, 1 to 600; after three without answer the connection is lost. Default: 10. */
  keepAlive?: pulumi.Input<number>;
}

/**
 * How the login becomes the owner of the server. A refusal is an error that says who may not become whom.
 *
 * @example
 * { method: "sudo", passwordEnv: "DB1_SUDO_PASSWORD" }
 */
export interface Become {
  /**
   * `none` when the login is the owner, `runuser` when it is root, `sudo`, `doas`, or `su`. Default: `none` or
   * `runuser` where one of those does, else `sudo`, which without a password is called so that it never asks (`-n`).
   * doas asks for a password at a terminal alone: it needs a rule with `nopass`, as in `permit nopass deploy as postgres`.
   */
  method?: pulumi.Input<"none" | "runuser" | "sudo" | "doas" | "su">;

  /**
   * What the method asks for: sudo for the login's password, su for the owner's. The state keeps it, encrypted,
   * whether the program made it secret or not. Default: none. With `none`, `runuser` and `doas` it is refused.
   *
   * What is found first counts, when it is needed: the variable of `passwordEnv`, `PGINSTANCE_BECOME_PASSWORD`, this.
   */
  password?: pulumi.Input<string>;

  /** Name of the environment variable that holds the password, where Pulumi runs; it is in no state. Default: none. */
  passwordEnv?: pulumi.Input<string>;
}

/** Where secrets stand in an input; `*` is any name. */
interface Places {
  readonly [name: string]: Places | "secret";
}

const credentials = { privateKey: "secret", passphrase: "secret", password: "secret" } as const;

const places: { readonly [input in "host" | "become" | "standby"]: Places } = {
  // What openssh refuses is not shown either.
  host: { ssh: { ...credentials, jumpCredentials: { "*": credentials } }, openssh: credentials },
  become: { password: "secret" },
  standby: { password: "secret" },
};

/** The inputs with their credentials made secret, and nothing else: a reviewer shall see which host changed. */
export function sealed(args: Sealable): Sealable {
  return {
    host: seal(args.host, places.host),
    become: seal(args.become, places.become),
    standby: seal(args.standby, places.standby),
  };
}

interface Sealable {
  readonly host?: unknown;
  readonly become?: unknown;
  readonly standby?: unknown;
}

function seal(input: unknown, place: Places | "secret" | undefined): unknown {
  if (place === undefined || input === undefined || input === null) return input;
  if (place === "secret") return pulumi.secret(input);
  if (pulumi.Output.isInstance(input)) return input.apply((known) => seal(known, place));
  if (input instanceof Promise) return input.then((known) => seal(known, place));
  if (typeof input !== "object" || Array.isArray(input)) return input;
  const parts = Object.entries(input).map(([name, part]) => {
    return [name, seal(part, Object.hasOwn(place, name) ? place[name] : place["*"])];
  });
  return Object.fromEntries(parts);
}
