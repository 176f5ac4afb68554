import assert from "node:assert/strict";
import { test } from "node:test";
import { isModuleText } from "./module-syntax.ts";

test("what imports or exports is a module", () => {
  for (const text of [
    'import { defineConfig } from "millrace";',
    'import"./a.ts";',
    "import * as all from './a.ts';",
    'import stamp from "./stamp.ts";',
    'import stamp, { other } from "./stamp.ts";',
    'import type { A } from "./a.ts";',
    "const a = 1;\nexport default { a };",
    "  export const a = 1;",
    "export { a };",
    "export * from './a.ts';",
    "export type A = 1;",
    "// module.exports is CommonJS\nexport default 1;",
  ])
    assert.equal(isModuleText(text), true, text);
});

test("what does neither, or has what only CommonJS has, is none", () => {
  for (const text of [
    "",
    "module.exports = { a: 1 };",
    "exports.a = 1;",
    "const a = require('./a.cjs'); module.exports = a;",
    "const page = `\nimport a from 'b';\n`;\nmodule.exports = { page };",
    "/*\nimport a from 'b';\n*/\nconst b = 1;",
    "// export default 1",
    "import('./a.mjs').then(() => {});",
    "import a = require('./a.cjs');",
    "exported.a = 1;",
  ])
    assert.equal(isModuleText(text), false, text);
});

test("a long text takes little time", () => {
  assert.equal(isModuleText("/* ".repeat(100_000)), false);
  assert.equal(isModuleText(`import${" ".repeat(100_000)}`), false);
});
