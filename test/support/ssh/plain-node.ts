/** TypeScript in a plain Node process, `node -e`, for what must not run in the tests' own. */

/** The start of its program: `require` reads .ts files, without looking at types. Works where `typescript` is found. */
export const readsTypeScript = `
const { readFileSync } = require("node:fs");
const { ModuleKind, ScriptTarget, transpileModule } = require("typescript");
const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2023 };
require.extensions[".ts"] = (module, file) =>
  module._compile(transpileModule(readFileSync(file, "utf8"), { compilerOptions }).outputText, file);
`;
