/** Who may import whom: the table of the design, folder by folder. `npm run check` enforces it. */
const thirdParty = (...names) => `^node_modules/(@types/)?(${names.join("|")})(/|$)`;
const folder = (name) => `^provider/${name}/`;

/** `from` may import its own folder and what is listed, nothing else. */
const allow = (name, from, ...to) => ({
  name,
  severity: "error",
  comment: `${name} may import only: ${to.join(", ")}`,
  from: { path: from },
  to: { pathNot: [from, ...to], dependencyTypesNot: ["type-only"] },
});
const errors = "^provider/errors\\.ts$";
const postgresql = folder("postgresql");
const schema = folder("schema");
const plan = folder("plan");
const host = folder("host");
const server = folder("server");
const instances = folder("instances");
const resources = folder("resources");
const nodeVersion = "^provider/node-version\\.ts$";
const node = "^(node:)?[a-z_/]+$";

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "resolvable",
      comment: "an example finds the package when it is installed, packed",
      severity: "error",
      from: { pathNot: "^examples/" },
      to: { couldNotResolve: true },
    },
    { name: "errors-import-nothing", severity: "error", from: { path: errors }, to: { path: "." } },
    allow("postgresql-is-pure", `${postgresql}(?!(scram|passfile)\\.ts)`, postgresql, errors),
    allow("passfile-may-use-crypto", `${postgresql}passfile\\.ts`, postgresql, errors, "^(node:)?crypto$"),
    allow(
      "scram-may-use-crypto",
      `${postgresql}scram\\.ts`,
      postgresql,
      errors,
      "^(node:)?crypto$",
      thirdParty("@mongodb-js/saslprep"),
    ),
    allow("schema", `${schema}(?!observed\\.ts)`, schema, postgresql, errors, thirdParty("zod")),
    allow(
      "observed-is-packed",
      `${schema}observed\\.ts`,
      postgresql,
      thirdParty("zod"),
      "^(node:)?(util|zlib)$",
    ),
    allow("plan-is-pure", plan, postgresql, errors),
    {
      name: "plan-types",
      severity: "error",
      comment: "plan may take types of schema, and no type of host or server",
      from: { path: plan },
      to: { path: [host, server, instances, resources, "^node:", "^sdk/"] },
    },
    allow("host", host, errors, thirdParty("ssh2", "ssh-config", "execa"), node),
    allow(
      "server",
      server,
      host,
      postgresql,
      errors,
      thirdParty("pg", "pg-protocol", "pg-types"),
      "^(node:)?stream(/|$)",
    ),
    allow(
      "instances",
      instances,
      nodeVersion,
      schema,
      plan,
      server,
      host,
      postgresql,
      errors,
      "^(node:)?crypto$",
    ),
    allow("resources", `${resources}(?!engine\\.ts)`, resources, instances, schema, plan, postgresql, errors),
    {
      name: "a-preview-loads-nothing-that-goes-to-a-host",
      severity: "error",
      from: { path: resources },
      to: {
        path: instances,
        pathNot: `${instances}(desired|way)\\.ts$`,
        dynamic: false,
        dependencyTypesNot: ["type-only"],
      },
    },
    allow("engine", `${resources}engine\\.ts`, resources, errors, thirdParty("@pulumi/pulumi")),
    allow("lookups", "^sdk/lookups\\.ts$", "^sdk/", instances, thirdParty("@pulumi/pulumi")),
    allow("the-command", "^sdk/cli/", "^sdk/", instances, "^(node:)?(util|process|path|fs(/promises)?)$"),
    {
      name: "nothing-imports-the-command",
      severity: "error",
      from: { pathNot: "^sdk/cli/" },
      to: { path: "^sdk/cli/" },
    },
    allow(
      "sdk",
      "^sdk/(?!lookups\\.ts|cli/)",
      "^sdk/",
      "^provider/postgresql/scram\\.ts$",
      nodeVersion,
      "^(node:)?crypto$",
      thirdParty("@pulumi/pulumi"),
    ),
    {
      name: "examples-use-the-package",
      severity: "error",
      from: { path: "^examples/" },
      to: { path: "^(provider|sdk|test|scripts)/" },
    },
    {
      name: "only-schema-imports-zod",
      severity: "error",
      from: { path: "^(provider|sdk)/", pathNot: schema },
      to: { path: thirdParty("zod") },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: "specify",
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["require", "node", "default"] },
  },
};
