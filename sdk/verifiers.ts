import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { scramVerifier } from "../provider/postgresql/scram";
import type { ReplicationRole } from "./access";

/** Passwords go no further than the program: what leaves it is what PostgreSQL keeps of them. */

interface Passwords {
  readonly name?: pulumi.Input<string>;
  readonly superuserPassword?: pulumi.Input<string>;
  readonly superuserPasswordVerifier?: pulumi.Input<string>;
  readonly replicationRole?: pulumi.Input<ReplicationRole>;
}

export function verifierInputs(resource: string, args: Passwords) {
  const { superuserPassword, superuserPasswordVerifier, replicationRole, name } = args;
  return {
    ...(superuserPasswordVerifier !== undefined && {
      superuserPasswordVerifier: pulumi.secret(superuserPasswordVerifier),
    }),
    ...(superuserPassword !== undefined && {
      superuserPasswordVerifier: verifier(superuserPassword, name ?? resource, []),
    }),
    ...(replicationRole !== undefined && {
      replicationRole: withVerifier(replicationRole, name ?? resource),
    }),
  };
}

/** Only the verifier is secret: a reviewer shall see the name. */
function withVerifier(role: pulumi.Input<ReplicationRole>, name: pulumi.Input<string>): unknown {
  if (pulumi.Output.isInstance(role))
    return role.apply((known) => withVerifier(known as ReplicationRole, name));
  if (role instanceof Promise) return role.then((known) => withVerifier(known, name));
  const { password, ...rest } = role;
  return password === undefined
    ? rest
    : { ...rest, passwordVerifier: verifier(password, name, ["replication"]) };
}

/** The salt is fixed, so that the same password gives the same verifier in every run. */
function verifier(
  password: pulumi.Input<string>,
  name: pulumi.Input<string>,
  purpose: readonly string[],
): pulumi.Output<string> {
  const made = pulumi.all([password, name]).apply(([text, given]) => {
    const place = [pulumi.getProject(), pulumi.getStack(), given, ...purpose];
    const salt = createHash("sha256").update(JSON.stringify(place)).digest().subarray(0, 16);
    return scramVerifier(text, salt);
  });
  return pulumi.secret(made);
}
