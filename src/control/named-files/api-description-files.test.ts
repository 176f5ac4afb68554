import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { DescriptionHead } from "../../policy/validate/description.ts";
import { ApiDescriptions } from "../../shared/api-descriptions.ts";
import { ApiDescriptionFiles } from "./api-description-files.ts";

const DOCUMENT = 'openapi: 3.0.0\npaths: { "/a": { $ref: b.yaml } }';

interface Began {
  readonly files: ApiDescriptionFiles;
  readonly write: (name: string, text: string) => void;
  /** The templates of the description that threads have. */
  readonly templates: () => readonly string[];
  readonly methods: () => readonly string[];
  readonly told: () => number;
  readonly lines: string[];
  readonly look: () => Promise<void>;
  readonly document: { readonly path: string; readonly at: readonly string[] };
}

function begun(t: TestContext): Began {
  const folder = mkdtempSync(path.join(tmpdir(), "api-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const threads = new ApiDescriptions();
  const lines: string[] = [];
  let told = 0;
  let next: (() => void) | null = null;
  const log = (event: string, message: string): void => void lines.push(`${event}: ${message.replaceAll(`${folder}/`, "")}`);
  const files = new ApiDescriptionFiles({
    log: { info: log, warn: log, error: log },
    tell: (all) => {
      told++;
      threads.take(all);
    },
    after: (_ms, then) => {
      next = then;
      return () => void (next = null);
    },
  });
  t.after(() => files.stop());
  const file = path.join(folder, "a.yaml");
  const head = (): DescriptionHead => threads.description(file).piece(0) as DescriptionHead;
  return {
    files,
    write: (name, text) => {
      // As files are best replaced: another one gets the name.
      writeFileSync(path.join(folder, "new"), text);
      renameSync(path.join(folder, "new"), path.join(folder, name));
    },
    templates: () => head().paths.map(({ template }) => template),
    methods: () => head().paths.flatMap(({ operations }) => Object.keys(operations)),
    told: () => told,
    lines,
    look: async () => {
      for (let count = 0; count < 2; count++) {
        const look = next;
        next = null;
        look?.();
        // A look ends by planning the next one.
        while (next === null) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    document: { path: file, at: [] },
  };
}

test("a document and the files that it refers to are followed; what is wrong changes nothing and is said once", async (t) => {
  const { files, write, templates, methods, told, lines, look, document } = begun(t);
  write("a.yaml", DOCUMENT);
  assert.match((await files.read([document])).join(), /a\.yaml:2:\d+: #\/paths\/~1a\/\$ref: .*b\.yaml does not exist/);
  assert.equal(told(), 0, "nothing comes into use of a document that is wrong");
  write("b.yaml", "get: {}");
  assert.deepEqual(await files.read([document]), []);
  files.keep([document]);
  assert.deepEqual([templates(), methods()], [["/a"], ["GET"]]);

  write("b.yaml", "get: {}\nput: {}");
  await look();
  assert.deepEqual(methods(), ["GET", "PUT"]);
  assert.deepEqual(lines.splice(0), ["api_description_read: a.yaml has changed: 2 operations are in use"]);

  for (const text of ["get: [", "", "- 1"]) {
    write("b.yaml", text);
    await look();
    await look();
    assert.deepEqual(methods(), ["GET", "PUT"], text);
    assert.equal(lines.length, 1, text);
    assert.match(lines.splice(0).join(), /^api_description_refused: the old description stays in use: .*[ab]\.yaml/);
  }

  write("b.yaml", 'post: { parameters: [{ name: a, in: query, schema: { pattern: "(?=a)" } }] }');
  await look();
  assert.deepEqual(methods(), ["POST"]);
  assert.deepEqual(
    lines.splice(0).map((line) => line.slice(0, 62)),
    [
      "api_description_read: a.yaml has changed: 1 operation is in use",
      "api_description_read: something in it is not checked: b.yaml:1:",
    ].map((line) => line.slice(0, 62)),
  );

  const before = told();
  assert.deepEqual(await files.read([document]), []);
  assert.equal(told(), before, "a reload that changes nothing tells nobody");
  files.keep([]);
  assert.deepEqual(files.current(), []);
});
