/** House rules that no tool knows; the layer rule has a file of its own, layers.test.ts. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ROOT, readText, sourceFiles, textFiles, withoutComments } from "./support/source-files.ts";

const TYPESCRIPT = textFiles().filter((file) => file.endsWith(".ts"));
const PACKAGE: unknown = JSON.parse(readText("package.json"));
const LOCK: unknown = JSON.parse(readText("package-lock.json"));

// `any`, `!` and default exports are the linter's.
test("the code keeps to TypeScript without escape hatches", () => {
  const banned: readonly (readonly [pattern: RegExp, what: string])[] = [
    [/\bas unknown as\b/, "double assertion"],
    [/@ts-(ignore|nocheck|expect-error)/, "switched-off type check"],
    [/^\s*(export\s+)?(const\s+)?enum\s/, "enum"],
    [/^\s*(export\s+)?(declare\s+)?namespace\s/, "namespace"],
  ];
  const wrong = TYPESCRIPT.filter((file) => file !== "test/tidy.test.ts").flatMap((file) => {
    const code = withoutComments(readText(file)).split("\n");
    return banned.flatMap(([pattern, what]) =>
      code.flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${what}`] : [])),
    );
  });
  assert.deepEqual(wrong, []);
});

test("nothing is left for later", () => {
  assert.deepEqual(linesWith(/\b(FIX[M]E|TO[D]O|HA[C]K)\b/), []);
});

test("no merge is left half done", () => {
  assert.deepEqual(linesWith(/^(<{7}|>{7}) /), []);
});

test("a file over 500 lines says at its top why", () => {
  const wrong = TYPESCRIPT.filter((file) => {
    const lines = readText(file).split("\n");
    return lines.length > 500 && !/\blonger than\b/i.test(lines.slice(0, 20).join("\n"));
  });
  assert.deepEqual(wrong, []);
});

test("imports name the file, ending and all, and nothing only re-exports", () => {
  for (const file of TYPESCRIPT) {
    const code = withoutComments(readText(file));
    for (const [, module] of code.matchAll(/\bfrom\s+"(\.[^"]*)"/g)) {
      assert.match(module ?? "", /\.ts$/, `${file} imports ${module ?? ""}`);
    }
    assert.doesNotMatch(path.basename(file), /^(utils?|helpers?|index|misc|common)\./, file);
    const rest = code.replace(/^\s*export\s[^;]*\bfrom\b[^;]*;/gm, "").trim();
    assert.ok(rest !== "" || file === "src/millrace.ts", `${file} only re-exports`);
  }
});

test("no text names a machine, a registry or a home folder", () => {
  const machine = /\/(work|root|Users)\/|\/home\/[a-z]|https?:\/\/[^\s"'`)]*(registry|artifactory|nexus)/;
  // The corpus holds hostile paths on purpose.
  assert.deepEqual(
    linesWith(machine).filter((line) => !line.startsWith("test/corpus/")),
    [],
  );
});

test("compilers that know no `exports`, as with moduleResolution node10, find the same types", () => {
  const { ".": own, ...others } = table(PACKAGE, "exports");
  assert.deepEqual([field(PACKAGE, "types"), field(PACKAGE, "main")], [field(own, "types"), field(own, "default")]);
  const typed = Object.entries(others).flatMap(([name, module]) =>
    typeof module === "string" ? [] : [[name.slice("./".length), [field(module, "types")]]],
  );
  assert.deepEqual(table(field(PACKAGE, "typesVersions"), "*"), Object.fromEntries(typed));
});

test("the lock file pins exact versions and says nothing about where they came from", () => {
  assert.deepEqual(linesOf("package-lock.json", /"resolved"/), []);
  const direct = { ...table(PACKAGE, "dependencies"), ...table(PACKAGE, "devDependencies") };
  assert.ok(Object.keys(direct).length > 5);
  for (const [name, version] of Object.entries(direct)) {
    assert.match(String(version), /^\d+\.\d+\.\d+$/, `${name} is pinned exactly`);
    assert.equal(field(table(LOCK, "packages")[`node_modules/${name}`], "version"), version, `${name} in the lock file`);
  }
});

test("every file that a page names exists", () => {
  const pages = textFiles().filter((file) => file.endsWith(".md"));
  assert.ok(pages.includes("README.md"));
  const missing = pages.flatMap((page) =>
    namedFiles(page)
      .filter((name) => !exists(page, name))
      .map((name) => `${page}: ${name}`),
  );
  assert.deepEqual(missing, []);
});

test("the changelog has one line for each change, and none twice", () => {
  const text = readText("CHANGELOG.md");
  const lines = text.split("\n");
  assert.deepEqual(
    lines.flatMap((line, index) => (/^\s+\S/.test(line) ? [`CHANGELOG.md:${index + 1}: ${line.trim()}: split it or shorten it`] : [])),
    [],
  );
  // Git joins the lines of two branches by union: what one of them reworded or moved may then stand there twice.
  for (const release of text.split(/^## /m).slice(1)) {
    const entries = release.split("\n").filter((line) => /^(- |### )/.test(line));
    assert.deepEqual(
      entries.filter((entry, index) => entries.indexOf(entry) !== index),
      [],
    );
  }
});

test("every npm script that a page or CI names exists", () => {
  const scripts = table(PACKAGE, "scripts");
  const readers = textFiles().filter((file) => file.endsWith(".md") || file === ".ci/run");
  const missing = readers.flatMap((file) =>
    [...readText(file).matchAll(/\bnpm run ([a-z][\w:-]*)/g)].flatMap(([, name = ""]) =>
      name in scripts ? [] : [`${file}: npm run ${name}`],
    ),
  );
  assert.deepEqual(missing, []);
});

test("every test file is one that a script runs", () => {
  const run =
    /^(src|examples|bench|fuzz|simulate|scripts)\/.*\.test\.ts$|^test\/((e2e|faults|conformance|recipes|migrating|soak)\/)?[^/]+\.test\.ts$/;
  assert.deepEqual(
    TYPESCRIPT.filter((file) => file.endsWith(".test.ts") && !run.test(file)),
    [],
  );
});

/** What packing makes. */
const MADE = ["dist", "millrace.schema.json"];

test("published files exist and tests are not among them", () => {
  const files = field(PACKAGE, "files");
  assert.ok(Array.isArray(files));
  // The entries that begin with an exclamation mark are left out, and need not be there.
  const published = files.map(String).filter((entry) => !entry.startsWith("!"));
  for (const entry of published) assert.ok(MADE.includes(entry) || existsSync(path.join(ROOT, entry)), entry);
  assert.equal(field(table(PACKAGE, "bin"), "millrace"), "dist/main.js");
  assert.ok(readText("src/main.ts").startsWith("#!/usr/bin/env node\n"), "the entry file can be executed");
});

test("the program runs on the oldest Node that package.json names", () => {
  const newer: readonly (readonly [pattern: RegExp, since: string])[] = [
    [/\bPromise\.try\b/, "24"],
    [/\bRegExp\.escape\b/, "24"],
    [/\bError\.isError\b/, "24"],
    [/\.(getOrInsert|getOrInsertComputed)\(/, "26"],
    [/\b(Uint8Array\.from(Base64|Hex)|Iterator\.concat|Atomics\.pause)\b/, "25"],
    [/^\s*(await )?using\s+\w+\s*=/, "24"],
    [/\bimport\.meta\.main\b/, "24"],
  ];
  const wrong = sourceFiles().flatMap((file) => {
    const lines = withoutComments(readText(file)).split("\n");
    return newer.flatMap(([pattern, since]) =>
      lines.flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: needs Node ${since}: ${line.trim()}`] : [])),
    );
  });
  assert.deepEqual(wrong, []);
});

/** Links of a page and the repository's paths that it sets in code type. */
function namedFiles(page: string): string[] {
  const text = readText(page).replace(/^```[\s\S]*?^```/gm, "");
  const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target]) => target ?? "").filter((target) => !/^[a-z]+:/.test(target));
  const code = [...text.matchAll(/`([\w.-]+(?:\/[\w.-]+)+)`/g)]
    .map(([, name]) => name ?? "")
    .filter((name) => /\.(ts|json|ya?ml|md|conf)$/.test(name) && !name.startsWith("dist/"));
  return [...new Set([...links, ...code])];
}

/** Beside the page, at the root, or in src/: pages about the code leave `src/` out. */
function exists(page: string, name: string): boolean {
  return [path.dirname(page), ".", "src"].some((folder) => existsSync(path.join(ROOT, folder, name)));
}

function linesWith(pattern: RegExp): string[] {
  return textFiles().flatMap((file) => linesOf(file, pattern));
}

function linesOf(file: string, pattern: RegExp): string[] {
  return readText(file)
    .split("\n")
    .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim().slice(0, 120)}`] : []));
}

function field(value: unknown, key: string): unknown {
  return table({ value }, "value")[key];
}

function table(value: unknown, key: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return {};
  const found: unknown = Reflect.get(value, key);
  return typeof found === "object" && found !== null ? { ...found } : {};
}
