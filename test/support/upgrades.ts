/** Instances of majors that have every program, filled with what an upgrade must not lose. */
import { join } from "node:path";
import { LocalHost } from "../../provider/host/local";
import { instance } from "../../provider/resources/instance";
import type { Properties } from "../../provider/schema/check";
import type { Target } from "../../provider/server/target";
import { handles, type Live, owner } from "./instances";
import { type CompleteMajor, completePrograms, editAsOwner, freePort, ownedDirectory } from "./servers";

export interface Upgradable extends Live {
  /** The inputs with another major, and more. */
  raised(to: CompleteMajor, more?: Properties): Promise<Properties>;
  /** As it is once it is of another major. */
  as(to: CompleteMajor): Promise<Pick<Live, "sql" | "observe" | "locked"> & { readonly target: Target }>;
}

/** A running instance whose programs are all there. `where` is its path in a folder of its own. */
export async function upgradable(
  from: CompleteMajor,
  more: Properties = {},
  where = "data",
): Promise<Upgradable> {
  const [folder, port, programs] = await Promise.all([ownedDirectory(), freePort(), completePrograms(from)]);
  const dataDirectory = join(folder.path, where);
  const target: Target = {
    host: new LocalHost(),
    ...{ owner, dataDirectory, binDirectory: programs, version: from, name: "main", superuser: "postgres" },
  };
  const inputs = async (
    { settings, ...rest }: Properties = {},
    olds: Properties = {},
  ): Promise<Properties> => {
    const urn = "urn:pulumi:test::program::pulumi-nodejs:dynamic/pginstance:Instance::main";
    const checked = await instance.check(olds, {
      ...{ __urn: urn, version: from, port, dataDirectory, owner, binDirectory: programs },
      deletionProtection: false,
      settings: { unix_socket_directories: folder.path, max_connections: 30, ...(settings as object) },
      ...rest,
    });
    if (checked.failures?.length) throw new Error(checked.failures.map(({ reason }) => reason).join("\n"));
    return checked.inputs;
  };
  const first = await inputs(more);
  try {
    const { id, outs } = await instance.create(first);
    return {
      ...{ folder, port, target, inputs, id, outs: outs as Properties },
      ...handles(target),
      async raised(to, wanted = {}) {
        return inputs({ ...more, version: to, binDirectory: await completePrograms(to), ...wanted }, first);
      },
      async as(to) {
        const now = { ...target, version: to, binDirectory: await completePrograms(to) };
        return { target: now, ...handles(now) };
      },
    };
  } catch (error) {
    await folder.dispose();
    throw error;
  }
}

/** Data, roles, an extension that an old library made, a changed pg_hba.conf and a file that it names. */
export async function fill({ sql, target }: Pick<Live, "sql" | "target">): Promise<void> {
  const statements = [
    "CREATE ROLE reader LOGIN PASSWORD 'secret of reader'",
    "ALTER ROLE reader SET work_mem = '5MB'",
    "CREATE TABLE public.orders (id int PRIMARY KEY, note text, amount numeric)",
    "INSERT INTO public.orders SELECT n, md5(n::text), n / 7.0 FROM generate_series(1, 20000) n",
    "CREATE INDEX ON public.orders (note)",
    "GRANT SELECT ON public.orders TO reader",
    "CREATE DATABASE shop",
  ];
  for (const statement of statements) await sql(statement);
  await editAsOwner(
    `printf 'reader\\n' >"$1/readers"
     printf '# changed by hand\\nhost all @readers 127.0.0.1/32 scram-sha-256\\n' >>"$1/pg_hba.conf"`,
    target.dataDirectory,
  );
}

/** What must be the same before and after. */
export async function contentOf(sql: Live["sql"]): Promise<unknown> {
  const [rows] = await sql(
    "SELECT count(*)::int AS count, md5(string_agg(o::text, ',' ORDER BY id)) AS sum FROM public.orders o",
  );
  const [role] = await sql(
    "SELECT a.rolpassword, r.rolconfig FROM pg_authid a JOIN pg_roles r USING (rolname) WHERE rolname = 'reader'",
  );
  const [privilege] = await sql("SELECT has_table_privilege('reader', 'public.orders', 'SELECT') AS reads");
  const databases = await sql(
    "SELECT datname, pg_encoding_to_char(encoding) AS encoding, datcollate, datctype FROM pg_database ORDER BY 1",
  );
  return { rows, role, privilege, databases };
}
