import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadConfigFile } from "../src/cli/config-file.ts";
import { moduleAddress } from "../src/modules/module-address.ts";
import { blocksOf, pagesForReaders, placeOf } from "./support/page-blocks.ts";
import { completed, problemsOf } from "./support/page-config.ts";
import { ROOT, readText, textFiles } from "./support/source-files.ts";

const folder = fileURLToPath(new URL("../examples/", import.meta.url));
/** A secret that the examples take from the environment. */
process.env["SIGNING_SECRET"] = "a secret of at least thirty-two bytes";

/** The configurations in YAML, without the files that others include. */
const EXAMPLES = textFiles("examples").filter((file) => file.endsWith(".yaml") && /^(?:listeners|backends):/m.test(readText(file)));

for (const file of EXAMPLES) {
  test(`${file} is accepted without a warning, and its twin in TypeScript becomes the same`, async () => {
    const [inYaml, inTypeScript] = await Promise.all(
      [file, file.replace(/\.yaml$/, ".config.ts")].map(async (name) => {
        const loaded = await loadConfigFile(path.join(ROOT, name));
        assert.ok("config" in loaded, JSON.stringify(loaded));
        assert.deepEqual(loaded.warnings, []);
        return loaded.config;
      }),
    );
    assert.deepEqual(inTypeScript, inYaml);
  });
}

test("every configuration in TypeScript has a twin in YAML", () => {
  const modules = textFiles("examples").filter((file) => file.endsWith(".config.ts") && readText(file).includes("defineConfig("));
  const twins = modules.filter((file) => !file.includes("vite.config")).map((file) => file.replace(/\.config\.ts$/, ".yaml"));
  assert.deepEqual(twins.toSorted(), EXAMPLES.toSorted());
});

test("every example in YAML names the schema of the package for editors", () => {
  const files = textFiles("examples").filter((file) => file.endsWith(".yaml"));
  assert.ok(files.length >= 3, files.join(" "));
  for (const file of files) {
    const [, schema = ""] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(readText(file)) ?? [];
    assert.equal(path.join(path.dirname(file), schema), "millrace.schema.json", file);
  }
});

test("configurations in pages are accepted without a warning, fragments with what they lack", async () => {
  const checked = pagesForReaders()
    .flatMap(blocksOf)
    .filter((block) => block.language === "yaml")
    .filter(({ marks }) => !marks.includes("foreign"));
  assert.ok(checked.length > 8, `${checked.length} configurations`);
  for (const block of checked) {
    const text = block.marks.includes("fragment") ? completed(block.text) : block.text;
    assert.deepEqual(await problemsOf(text, placeOf(block)), [], `${placeOf(block)}; for a part of a file write: yaml fragment`);
  }
});

test("docs/README.md leads to every page", () => {
  const index = readText("docs/README.md");
  const missing = textFiles("docs")
    .filter((file) => file.endsWith(".md") && !file.startsWith("docs/decisions/") && file !== "docs/README.md")
    .filter((file) => !index.includes(`](${file.slice("docs/".length)})`));
  assert.deepEqual(missing, []);
});

test("every link to a part of a page leads to a heading of it", () => {
  // GitHub's anchors: lower case, without anything but words, spaces and hyphens; the second of a name has -1.
  const anchorsOf = (file: string): string[] =>
    [
      ...readText(file)
        .replace(/^```[^]*?^```/gm, "")
        .matchAll(/^#+ (.+)$/gm),
    ]
      .map(([, title = ""]) =>
        title
          .toLowerCase()
          .replace(/[^\w -]/g, "")
          .replaceAll(" ", "-"),
      )
      .map((anchor, index, all) =>
        all.indexOf(anchor) < index ? `${anchor}-${all.slice(0, index).filter((each) => each === anchor).length}` : anchor,
      );
  const pages = [...textFiles("docs").filter((file) => file.endsWith(".md")), "README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"];
  const links = pages.flatMap((page) =>
    [...readText(page).matchAll(/\]\(([^)\s:]*\.md)?#([^)\s]+)\)/g)].map(([, target, anchor = ""]) => ({
      page,
      anchor,
      file: target === undefined ? page : path.join(path.dirname(page), target),
    })),
  );
  assert.ok(links.length > 50, `${links.length} links`);
  assert.deepEqual(
    links.filter(({ file, anchor }) => !anchorsOf(file).includes(anchor)),
    [],
  );
});

test("every page of docs/recipes has a test, and its configuration runs as it stands", () => {
  const pages = textFiles("docs/recipes").map((file) => path.basename(file, ".md"));
  assert.ok(pages.length >= 12, pages.join(" "));
  for (const page of pages) {
    assert.match(readText(`test/recipes/${page}.test.ts`), new RegExp(`recipe\\("${page}"`), page);
    assert.match(readText(`docs/recipes/${page}.md`), /^# .+\n\nFor (who|dev)[^]*^```yaml\n# millrace\.yaml$/m, page);
  }
});

test("examples/several-files is accepted without a warning, and its routes have the order that it speaks of", async () => {
  const loaded = await loadConfigFile(`${folder}several-files/millrace.yaml`);
  assert.ok("config" in loaded, JSON.stringify(loaded));
  assert.deepEqual(loaded.warnings, []);
  const { routes, upstreams } = loaded.config;
  assert.deepEqual(
    routes.map(({ name, max_body, security_headers }) => [name, max_body, security_headers]),
    [
      ["blog", 1024 ** 2, ["standard"]],
      ["uploads", 100 * 1024 ** 2, ["standard"]],
      ["shop", 1024 ** 2, ["off"]],
      ["otherwise", 1024 ** 2, ["standard"]],
    ],
  );
  assert.deepEqual([upstreams["blog"]?.timeouts.response_head, upstreams["shop"]?.timeouts.response_head], [30_000, 60_000]);
});

const RECIPES = textFiles("examples/middleware")
  .filter((file) => /^(?!.*\.(test|config)\.ts$).*\.ts$/.test(file))
  .map((file) => file.replace(/^.*\/|\.ts$/g, ""));

for (const name of ["millrace.yaml", "millrace.config.ts"]) {
  test(`examples/middleware/${name} is accepted without a warning, and uses every recipe`, async () => {
    const loaded = await loadConfigFile(`${folder}middleware/${name}`);
    assert.ok("config" in loaded, JSON.stringify(loaded));
    assert.deepEqual(loaded.warnings, []);
    const { middleware, routes } = loaded.config;
    const used = [...middleware, ...routes.flatMap((route) => route.middleware ?? [])].map(({ use }) => moduleAddress(use).name);
    assert.deepEqual(used.sort(), RECIPES);
  });
}

test("every recipe has a test, an explanation of its options, and a line in the page", () => {
  const page = readText("docs/middleware.md");
  for (const name of RECIPES) {
    assert.ok(page.includes(`[\`${name}.ts\`](../examples/middleware/${name}.ts)`), `${name} in docs/middleware.md`);
    assert.match(readText(`examples/middleware/${name}.test.ts`), new RegExp(`from "\\./${name}\\.ts"`));
    const code = readText(`examples/middleware/${name}.ts`);
    assert.ok(code.startsWith("/**\n") && code.includes(` *   - use: ./${name}.ts\n`), `${name} says how it is used`);
    const modules = [...code.matchAll(/^import .* from "([^"]+)";/gm)].map(([, module = ""]) => module);
    assert.ok(
      modules.every((module) => /^(millrace|zod|node:)/.test(module)),
      `${name} can be copied alone`,
    );
  }
});

test("docs/embedding.md shows lines of the programs in examples/embed", () => {
  const [, page = ""] = readText("docs/embedding.md").split("## In Express, Fastify, Hono and Vite");
  const shown = [...page.matchAll(/^### (\w+)\n\n```ts shown\n([^]*?)```/gm)];
  assert.deepEqual(
    shown.map(([, name]) => name),
    ["Express", "Fastify", "Hono", "Vite"],
  );
  for (const [, name = "", lines = ""] of shown) {
    const code = readText(`examples/embed/${name === "Vite" ? "vite.config" : name.toLowerCase()}.ts`);
    for (const part of lines.split("\n\n")) assert.ok(code.includes(part.trimEnd()), `${name}: ${part}`);
  }
});
