/** A folder of modules for tests that load them by name. It lies outside of this checkout, as the folder of a configuration does. */
import type { TestContext } from "node:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

export interface ModuleFolder {
  readonly path: string;
  /** URL with a slash at the end. */
  readonly url: string;
  write(name: string, text: string): void;
}

/** The folder is removed at the end of the test. A `package.json` makes `.js` files ES modules. */
export function moduleFolder(t: TestContext, files: Readonly<Record<string, string>> = {}): ModuleFolder {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-modules-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, text: string): void => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  for (const [name, text] of Object.entries({ "package.json": '{ "type": "module" }', ...files })) write(name, text);
  return { path: folder, url: pathToFileURL(`${folder}${path.sep}`).href, write };
}

/** The text of a module with one middleware, whose options have any keys. */
export function moduleWith(name: string, hooks: string = "", imports: string = ""): string {
  return `import { defineMiddleware, answer } from "millrace";
${imports}
const any = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
export default defineMiddleware({ name: ${JSON.stringify(name)}, options: any, setup: (options, context) => ({ ${hooks} }) });
`;
}
