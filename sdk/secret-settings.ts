import * as pulumi from "@pulumi/pulumi";

/** Values of settings, as a program gives them. */
export type Settings = Record<string, pulumi.Input<string | number | boolean | null>>;

/** Names of settings that are secret: the provider gets their values in clear, and keeps them out of the server's log. */
export function secretSettings(
  settings: pulumi.Input<Settings> | undefined,
): pulumi.Output<string[]> | undefined {
  if (settings === undefined) return undefined;
  return pulumi.output(namesOfSecrets(settings));
}

async function namesOfSecrets(settings: pulumi.Input<Settings>): Promise<pulumi.Input<string[]>> {
  const map: unknown = await settings;
  if (isOutput(map)) {
    return (await pulumi.isSecret(map)) ? map.apply((known) => Object.keys(Object(known))) : [];
  }
  const marks = Object.entries(Object(map)).map(async ([name, value]) =>
    isOutput(value) && (await pulumi.isSecret(value)) ? [name] : [],
  );
  return (await Promise.all(marks)).flat();
}

function isOutput(value: unknown): value is pulumi.Output<unknown> {
  return pulumi.Output.isInstance(value);
}
