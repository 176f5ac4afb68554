/** Every block of TypeScript in README.md and docs/ type-checks: as a module, or within what its mark says it is a part of. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { blocksOf, fileOf, pagesForReaders, placeOf } from "../support/page-blocks.ts";
import type { Block } from "../support/page-blocks.ts";
import { ROOT } from "../support/source-files.ts";

const run = promisify(execFile);
/** Below the checkout's node_modules, so that packages are found. */
const FOLDER = path.join(ROOT, "node_modules/.cache/millrace-pages");

/** What surrounds the lines of a block with that mark. `FILES` stands for imports of the modules that the page shows. */
const SURROUNDINGS: Readonly<Record<string, (text: string) => string>> = {
  hooks: (text) => `import { defineMiddleware, isEncoded, markTransformed, mediaType, requestPlainBody, textStage } from "millrace";
export default defineMiddleware({ name: "page", setup: () => ({
${text}}) });
`,
  test: (text) => `import assert from "node:assert/strict";
import { testProxy } from "millrace/testing";
${text.includes("stamp(") ? 'import stamp from "./stamp.ts";\n' : ""}${/\bconst proxy\b/.test(text) ? "" : "const proxy = await testProxy('');\n"}${text}
export default assert;
`,
};

test("blocks of TypeScript compile", { timeout: 60_000 }, async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  const places = new Map<string, Block>();
  for (const block of pagesForReaders().flatMap(blocksOf)) {
    if (block.language !== "ts" || block.marks.includes("shown") || block.marks.includes("feature")) continue;
    const [mark = ""] = block.marks;
    const name = fileOf(block) ?? `line-${block.line}.ts`;
    const file = path.join(FOLDER, block.page.replaceAll("/", "-").replace(/\.md$/, ""), name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, SURROUNDINGS[mark]?.(block.text) ?? block.text);
    places.set(file, block);
  }
  const config = {
    extends: "../../../tsconfig.json",
    compilerOptions: { incremental: false, noUnusedLocals: false },
    files: [...places.keys()],
    include: [],
  };
  writeFileSync(path.join(FOLDER, "tsconfig.json"), JSON.stringify({ ...config, exclude: [] }));
  const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
  const faults = await run(process.execPath, [tsc, "-p", FOLDER, "--pretty", "false"], { cwd: FOLDER }).then(
    () => "",
    ({ stdout }: { stdout: string }) => stdout,
  );
  assert.equal(faults, "", [...places.values()].map(placeOf).join(" "));
  assert.ok(places.size >= 7, `${places.size} blocks`);
});
