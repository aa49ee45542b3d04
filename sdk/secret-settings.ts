import * as pulumi from "@pulumi/pulumi";

/** Values of settings, as a program gives them. */
export type Settings = Record<string, pulumi.Input<string | number | boolean | null>>;

type Names = string[] | undefined;

/**
 * Names of settings that are secret: the provider gets their values in clear, and keeps them out of the server's log.
 * Where there are none nothing is said, or the first setting that is declared would show as two differences.
 */
export function secretSettings(
  settings: pulumi.Input<Settings> | undefined,
): pulumi.Output<Names> | undefined {
  return settings && pulumi.output(namesOfSecrets(settings));
}

async function namesOfSecrets(settings: pulumi.Input<Settings>): Promise<pulumi.Input<Names>> {
  const map: unknown = await settings;
  if (isOutput(map)) {
    return (await pulumi.isSecret(map)) ? map.apply((known) => Object.keys(Object(known))) : undefined;
  }
  const marks = Object.entries(Object(map)).map(async ([name, value]) =>
    isOutput(value) && (await pulumi.isSecret(value)) ? [name] : [],
  );
  const names = (await Promise.all(marks)).flat();
  return names.length > 0 ? names : undefined;
}

function isOutput(value: unknown): value is pulumi.Output<unknown> {
  return pulumi.Output.isInstance(value);
}
