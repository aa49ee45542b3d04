/** Whether a setting's text may be a secret, so that nobody is shown it: commands, connection strings, extensions. */
export function mayBeSecret(setting: string): boolean {
  return /\.|_command$|conninfo|passphrase|password|secret/.test(setting);
}
