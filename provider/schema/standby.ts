import { z } from "zod";
import { type Conninfo, parseConninfo } from "../postgresql/conninfo";
import { choice, matching, password, secretBecause, secretObject } from "./parts";

/** The input `standby`: whose, and what it shall be. */

/** What the provider writes itself, or would stand in clear in a file. */
const refused: Readonly<Record<string, string>> = {
  password: "the password belongs in standby.password: here it would stand in clear in postgresql.conf",
  passfile: "standby.password makes a passfile of its own",
  replication: "the server says that by itself",
  dbname: "replication is of no database",
};

/** Never printed: a string may hold a password. */
const primary = z
  .string(secretBecause("is no Instance or connection string"))
  .superRefine((text, context) => {
    const refuse = (reason: string) => context.addIssue({ code: "custom", message: reason });
    const parameters: Conninfo | undefined = parseConninfo(text);
    if (/^postgres(ql)?:\/\//.test(text))
      refuse('is a URI; write it as in "host=db1 port=5432 user=replicator"');
    else if (/[\0\r\n]/.test(text)) refuse("holds a line break or NUL");
    else if (!parameters || Object.keys(parameters).length === 0) {
      refuse('is no connection string as in "host=db1 port=5432 user=replicator"');
    } else {
      const name = Object.keys(refused).find((known) => known in parameters);
      if (name) refuse(`has ${name}: ${refused[name]}`);
      else if (!parameters.user) refuse('names no user; add one, as in "user=replicator"');
    }
  });

export const standby = secretObject({
  primary,
  password: password.optional(),
  slot: z
    .union([z.literal(false), matching(/^[a-z0-9_]{1,63}$/, "")], {
      error: "is no name of a slot: 1 to 63 small letters, digits or _; false: none",
    })
    .optional(),
  status: choice(["streaming", "promoted"]).optional(),
  promoteWhen: choice(["primaryDown", "always"]).optional(),
  rejoin: choice(["refuse", "rewind", "rebuild"]).optional(),
});

/** So that a promotion by hand shows as a difference. */
export const defaultStatus = "streaming";
