import { ConnectionError, type ConnectionPhase } from "../../errors";
import { lostBy } from "../ssh/explain";

/** What ssh says on its standard error, in our terms: how far it came, and what to do. */

interface Reason {
  readonly phase: ConnectionPhase;
  readonly retryable?: boolean;
  /** The lines that say so. */
  readonly lines: RegExp;
  readonly hint: string;
}

const unchanged = "The state is unchanged: unreachable does not mean gone.";
const isUp = `See that the host is up, and that nothing between it and where Pulumi runs is in the way. ${unchanged}`;
const isSshd = `See that it is sshd that listens there, and that it is not too busy to let anybody in. ${unchanged}`;
const correct =
  "Correct the configuration of ssh where Pulumi runs; `ssh -G HOST` shows how it is understood.";
const suspicion =
  "Someone may be in the way, or the host was reinstalled; then correct that line. Nothing was sent.";
const compare =
  "Compare it with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then make it known: `ssh` by hand asks for that. Nothing was sent.";

/** First match. A jump speaks beside the ssh that goes by it, which then says no more than that it was closed. */
const reasons: readonly Reason[] = [
  {
    phase: "connect",
    lines: /ssh: (command )?not found/,
    hint: "Install OpenSSH's client where Pulumi runs, or declare `ssh` in place of `openssh`: that needs none.",
  },
  { phase: "connect", lines: / line \d+: |^Bad owner or permissions/, hint: correct },
  { phase: "connect", lines: / bad configuration options$/, hint: correct },
  {
    phase: "hostKey",
    lines:
      /^SHA256:|^Offending |host key for .* (has changed|was revoked) and you have requested|marked as revoked/i,
    hint: suspicion,
  },
  { phase: "hostKey", lines: /^No .*host key is known for /, hint: compare },
  { phase: "hostKey", lines: /^Host key verification failed/, hint: compare },
  {
    phase: "auth",
    lines:
      /: Permission denied \(|Too many authentication failures|^Load key |^no such identity|^sign_and_send_pubkey/,
    hint: "Nobody answers here: ssh needs a key, certificate or ticket that comes without a question (`ssh -o BatchMode=yes HOST true` shows what it finds), and it is given no password. It is not tried again.",
  },
  {
    phase: "resolve",
    retryable: true,
    lines: /Could not resolve hostname .*Temporary failure/,
    hint: `See that names can be looked up where Pulumi runs. ${unchanged}`,
  },
  {
    phase: "resolve",
    lines: /Could not resolve hostname /,
    hint: `See that the name is right, and known where Pulumi runs. ${unchanged}`,
  },
  {
    phase: "connect",
    lines: /open failed: administratively prohibited/,
    hint: `See AllowTcpForwarding and PermitOpen in the sshd_config of the jump, and what its authorized_keys says of the key. ${unchanged}`,
  },
  {
    phase: "connect",
    retryable: true,
    lines: /open failed: connect failed/,
    hint: `See that the host is up and listens on that port, and that the jump knows a way there. ${unchanged}`,
  },
  {
    phase: "connect",
    retryable: true,
    lines: /: Connection refused$/,
    hint: `See that sshd runs there, and listens on that port. ${unchanged}`,
  },
  { phase: "connect", retryable: true, lines: /^ssh: connect to /, hint: isUp },
  {
    phase: "connect",
    lines: /^Unable to negotiate with /,
    hint: `See what its sshd_config says of Ciphers, KexAlgorithms, MACs and HostKeyAlgorithms. ${unchanged}`,
  },
  {
    phase: "connect",
    retryable: true,
    lines:
      /^kex_exchange_identification: |^Connection timed out during banner exchange|not allowed at this time/,
    hint: isSshd,
  },
  { phase: "connect", retryable: true, lines: /^Connection (closed|reset) by |timed out$/, hint: isSshd },
];

const otherwise: Reason = { phase: "connect", lines: /./, hint: isUp };

/** @param said what ssh left on its standard error, the host's words to whoever logs in among it */
export function explain(host: string, said: string): ConnectionError {
  const lines = said.split(/\r?\n/).map((line) => line.trim());
  const reason = reasons.find((one) => lines.some((line) => one.lines.test(line))) ?? otherwise;
  const { phase, retryable = false, hint } = reason;
  const found = lines.filter((line) => reason.lines.test(line)).slice(-4);
  const words = found.map((line) => line.replace(/\.$/, "")).join("; ") || "ssh ended without a word";
  return new ConnectionError(`cannot reach ${host} (${phase}: ${words})`, { host, phase, retryable, hint });
}

/** A connection that was there. */
export function lostBecause(host: string, said: string): ConnectionError {
  const last = said.trim().split(/\r?\n/).at(-1) || "closed by the other side";
  return lostBy(host, /not responding/.test(last) ? "keepalive" : last.replace(/\.$/, ""));
}
