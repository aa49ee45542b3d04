import { z } from "zod";
import {
  because,
  carefulBecause,
  choice,
  matching,
  objectReason,
  password,
  port,
  said,
  seconds,
  secretBecause,
  secretObject,
} from "./parts";
import { isUnknown } from "./unknown";

/** The inputs `host` and `become`: how to get to a machine, and what one may become there. */

/** As ssh itself takes them; the second form is an IPv6 address, maybe with its zone. */
const hostName = matching(
  /^(?!-)([A-Za-z0-9._-]{1,253}|(?=(.*:){2})[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9._-]{1,32})?)$/,
  'is no host name or address alone, as in "db1.example.com" or "2001:db8::7"',
  (reason) => carefulBecause(/@/, reason),
);

/** The second form is a user of a Windows domain. */
const user = matching(
  /^(?=.{1,255}$)[A-Za-z0-9_.][A-Za-z0-9_.@+-]*(\\[A-Za-z0-9_.][A-Za-z0-9_.@+-]*)?$/,
  'is no name of a user, as in "deploy"',
  (reason) => carefulBecause(/:/, reason),
);

const hostKey = matching(
  /^((ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) AAAA[A-Za-z0-9+/]+={0,2}( .*)?|SHA256:[A-Za-z0-9+/]{43}=?)\s*$/,
  'is no public key of a host, as in "ssh-ed25519 AAAA...", or its fingerprint, as in "SHA256:..."',
);

const path = matching(/^~?\/[^\0\r\n]+$/, 'is no absolute path, as in "/etc/keys/deploy" or "~/.ssh/deploy"');

/** Not shown: who writes the password where its variable is meant would read it in the preview. */
const variable = matching(
  /^[A-Za-z_][A-Za-z0-9_]*$/,
  'is no name of an environment variable, as in "DB1_PASSWORD"',
  secretBecause,
);

/** What people paste in place of a private key, first match. */
const keyMistakes: readonly [looks: RegExp, reason: string][] = [
  [/^\s*$/, "is empty"],
  [
    /^\s*(ssh-|ecdsa-|sk-|-{4,5} ?BEGIN [A-Z0-9 ]*PUBLIC KEY)/,
    "is a public key; the private one belongs here",
  ],
  [/^\s*(~|\.{1,2})?\/\S*\s*$/, "is the path of a file: use privateKeyFile, or the text of that file"],
  [/^(?![\s\S]*(PRIVATE KEY|PuTTY-User-Key-File))/, 'is no private key, which begins with "-----BEGIN"'],
];

const privateKey = z.string(secretBecause("is no text of a private key")).superRefine((text, context) => {
  const mistake = keyMistakes.find(([looks]) => looks.test(text));
  if (mistake) context.addIssue({ code: "custom", message: mistake[1] });
});

const secrets = {
  privateKey: privateKey.optional(),
  passphrase: password.optional(),
  password: password.optional(),
};

const hop = {
  host: hostName,
  port: port.optional(),
  user: user.optional(),
  hostKey: hostKey.optional(),
  agent: z
    .union([z.boolean(), path], because("is not true, false or the absolute path of an agent's socket"))
    .optional(),
  privateKeyFile: path.optional(),
  privateKeyEnv: variable.optional(),
  passphraseEnv: variable.optional(),
  passwordEnv: variable.optional(),
};

const jump = z.strictObject(hop, {
  error: (issue) =>
    issue.code === "unrecognized_keys" && issue.keys.some((key) => key in secrets)
      ? `has ${issue.keys.join(", ")}, which belongs in jumpCredentials by the jump's host: one secret in a list hides all of it`
      : objectReason(hop, (_, reason) => reason)(issue),
});

const notJumps = secretBecause('is no list of jumps, in order, as in [{ host: "bastion.example.com" }]');

/** What is declared alike for each way by SSH. */
const anyTransport = {
  configFile: path.optional(),
  connectTimeout: seconds(1, 600).optional(),
  retryFor: seconds(0, 3600).optional(),
  keepAlive: seconds(1, 600).optional(),
};

const ssh = secretObject({
  ...hop,
  ...secrets,
  jump: z.array(jump, notJumps).max(8, secretBecause("has more than 8 jumps")).optional(),
  jumpCredentials: z
    .record(
      z.string(),
      secretObject(secrets),
      secretBecause("is no map from the host of a jump to its secrets"),
    )
    .optional(),
  knownHosts: z.array(path, because('is no list of files, as in ["~/.ssh/known_hosts"]')).optional(),
  hostKeyPolicy: choice(["strict", "accept-new"]).optional(),
  ...anyTransport,
}).superRefine(({ jump: jumps = [], jumpCredentials = {}, configFile, hostKeyPolicy }, context) => {
  const refuse = (where: string[], message: string) =>
    context.addIssue({ code: "custom", path: where, message });
  if (configFile !== undefined && hostKeyPolicy === "accept-new") {
    refuse(["hostKeyPolicy"], '"accept-new" needs a way that the program declares whole, without configFile');
  }
  if (isUnknown(jumps)) return;
  const names = jumps.map((each) => each.host);
  for (const twice of new Set(names.filter((name, index) => names.indexOf(name) !== index))) {
    refuse(["jump"], said(twice, "is there twice; credentials are found by it"));
  }
  // That file may have jumps of its own.
  const known = configFile === undefined ? names : Object.keys(jumpCredentials);
  for (const name of Object.keys(jumpCredentials).filter((key) => !known.includes(key))) {
    refuse(
      ["jumpCredentials"],
      said(name, `is the host of no jump; those are ${names.join(", ") || "none"}`),
    );
  }
});

/** What ssh itself sees to there. */
const ofSsh: readonly string[] = [
  ...Object.keys({ ...hop, ...secrets }),
  ...["jump", "jumpCredentials", "knownHosts", "hostKeyPolicy"],
];

const opensshShape = {
  host: hostName,
  port: port.optional(),
  user: user.optional(),
  ...anyTransport,
};

const openssh = z.strictObject(opensshShape, {
  error: (issue) =>
    issue.code === "unrecognized_keys" && issue.keys.some((key) => ofSsh.includes(key))
      ? `has ${issue.keys.join(", ")}, which ssh itself sees to there: say it in its configuration (configFile), or declare ssh`
      : objectReason(opensshShape, (_, reason) => reason)(issue),
});

const local = z.strictObject({}, secretBecause("takes nothing: { local: {} }"));

export type Host =
  | { local: Record<string, never>; ssh?: undefined; openssh?: undefined }
  | { ssh: z.infer<typeof ssh>; local?: undefined; openssh?: undefined }
  | { openssh: z.infer<typeof openssh>; local?: undefined; ssh?: undefined };

/** One of them; the type says so, too. */
export const host = secretObject({
  local: local.optional(),
  ssh: ssh.optional(),
  openssh: openssh.optional(),
})
  .refine((given) => Object.values(given).filter((way) => way !== undefined).length === 1, {
    error: 'needs one of local, ssh and openssh, as in { ssh: { host: "db1.example.com" } }',
  })
  .transform(({ ssh, openssh }): Host => {
    if (ssh) return { ssh };
    return openssh ? { openssh } : { local: {} };
  });

const methods = ["none", "runuser", "sudo", "doas", "su"] as const;
const asks: readonly unknown[] = ["sudo", "su", undefined];

export const become = secretObject({
  method: choice(methods).optional(),
  password: password.optional(),
  passwordEnv: variable.optional(),
}).superRefine(({ method, ...passwords }, context) => {
  if (asks.includes(method)) return;
  for (const name of Object.keys(passwords)) {
    context.addIssue({
      code: "custom",
      path: [name],
      message: `is of no use with the method ${method}: only sudo and su ask for one`,
    });
  }
});
