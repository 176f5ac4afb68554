import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { includedFiles, namesMatching } from "./included-files.ts";

const isRoot = process.getuid?.() === 0;

/** A folder with these files, by their paths; a path that ends with a slash is a folder. */
function folderWith(t: TestContext, files: readonly string[]): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-include-"));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  for (const file of files) {
    fs.mkdirSync(path.dirname(path.join(folder, `${file}.`)), { recursive: true });
    if (file.endsWith("/")) fs.mkdirSync(path.join(folder, file), { recursive: true });
    else fs.writeFileSync(path.join(folder, file), file);
  }
  return folder;
}

/** The names, relative to the folder, of what a pattern finds. */
function found(folder: string, pattern: string, noted: string[] = []): string[] {
  const { find } = includedFiles(path.join(folder, "millrace.yaml"), (each) => noted.push(path.relative(folder, each)));
  return find(pattern, undefined).files.map(({ name }) => path.relative(folder, name));
}

describe("a pattern", () => {
  test("finds files in the order of their names, none of them hidden", (t) => {
    const folder = folderWith(t, [
      "conf.d/b.yaml",
      "conf.d/a.yaml",
      "conf.d/B.yaml",
      "conf.d/10.yaml",
      "conf.d/9.yaml",
      "conf.d/.c.yaml",
      "conf.d/d.yaml~",
    ]);
    assert.deepEqual(
      found(folder, "conf.d/*.yaml"),
      ["10", "9", "B", "a", "b"].map((name) => `conf.d/${name}.yaml`),
    );
    assert.deepEqual(found(folder, "./conf.d/?.yaml").length, 4);
    assert.deepEqual(found(folder, "conf.d/.*"), ["conf.d/.c.yaml"]);
    assert.deepEqual(found(folder, path.join(folder, "conf.d/*.yaml~")), ["conf.d/d.yaml~"]);
    assert.deepEqual(found(folder, "conf.d/none*"), []);
  });

  test("may have a star in the name of a folder, and goes through links to folders", (t) => {
    const folder = folderWith(t, ["sites/a/m.yaml", "sites/b/m.yaml", "sites/c/n.yaml", "sites/file", "elsewhere/m.yaml"]);
    fs.symlinkSync("../elsewhere", path.join(folder, "sites/link"));
    assert.deepEqual(found(folder, "sites/*/m*"), ["sites/a/m.yaml", "sites/b/m.yaml", "sites/link/m.yaml"]);
    assert.deepEqual(found(folder, "sites/?/../a/m.yaml").length, 3);
  });

  test("is noted, also where its folder is not there yet", (t) => {
    const folder = folderWith(t, ["sites/a/m.yaml", "sites/b/"]);
    const noted: string[] = [];
    found(folder, "sites/*/*.yaml", noted);
    found(folder, "none/*.yaml", noted);
    assert.deepEqual(noted, ["sites/*", "sites/a/*.yaml", "sites/b/*.yaml", "none/*.yaml"]);
  });

  test("whose folder is not there is doubtful, and one that matches nothing is not", (t) => {
    const folder = folderWith(t, ["conf.d/"]);
    const { find } = includedFiles(path.join(folder, "millrace.yaml"));
    assert.equal(find("conf.d/*.yaml", undefined).doubt, null);
    assert.equal(find("confd/*.yaml", undefined).doubt, `there is no folder ${folder}/confd`);
  });

  test("of another kind is refused, and so is a folder", (t) => {
    const folder = folderWith(t, ["conf.d/", "file"]);
    for (const [pattern, expected] of [
      ["conf.d/**/*.yaml", /^only \* and \? are patterns/],
      ["conf.d/[ab].yaml", /^only \* and \?/],
      ["conf.d/{a,b}.yaml", /^only \* and \?/],
      ["..", /^\.\. is a folder: write its files, such as/],
      ["/", /^\/ is a folder/],
      ["file/*.yaml", /\/file does not exist$/],
    ] as const)
      assert.throws(
        () => found(folder, pattern),
        (error: Error) => expected.test(error.message),
        pattern,
      );
  });

  test("that leads to thousands of folders is refused", (t) => {
    const folder = folderWith(
      t,
      Array.from({ length: 1001 }, (_, index) => `many/${index}/`),
    );
    assert.throws(() => found(folder, "many/*/a.yaml"), /more than 1000 folders/);
  });

  test("in a folder that may not be read is an error", { skip: isRoot && "root may read everything" }, (t) => {
    const folder = folderWith(t, ["conf.d/a.yaml"]);
    fs.chmodSync(path.join(folder, "conf.d"), 0);
    t.after(() => fs.chmodSync(path.join(folder, "conf.d"), 0o700));
    assert.throws(() => found(folder, "conf.d/*.yaml"), /conf\.d may not be read by this user$/);
  });

  test("treats all characters but * and ? as they are, and takes linear time", (t) => {
    const folder = folderWith(t, ["a+b(1).yaml", "aab1.yaml", `${"a".repeat(200)}.yaml`]);
    assert.deepEqual(namesMatching(folder, "a+b(?).yaml"), ["a+b(1).yaml"]);
    assert.deepEqual(namesMatching(folder, `${"*a".repeat(60)}*b`), []);
  });
});

describe("an included file", () => {
  const textOf = (folder: string, name: string): string => {
    const includes = includedFiles(path.join(folder, "millrace.yaml"));
    return includes.textOf({ name: path.join(folder, name), id: "" });
  };

  test("is YAML or JSON by its name, and a regular file", (t) => {
    const folder = folderWith(t, ["a.yaml", "a.YML", "a.json", "a.ts", "a.mjs", "a.yaml~", "README", "b.yaml/", "c\n.yaml"]);
    execFileSync("mkfifo", [path.join(folder, "pipe.yaml")]);
    for (const name of ["a.yaml", "a.YML", "a.json"]) assert.equal(textOf(folder, name), name);
    for (const [name, expected] of [
      ["a.ts", /a\.ts is a module: only YAML and JSON can be included/],
      ["a.mjs", /is a module/],
      ["a.yaml~", /a\.yaml~ is neither \.yaml nor \.yml nor \.json by its name$/],
      ["README", /is neither/],
      ["b.yaml", /b\.yaml is a folder, not a file$/],
      ["pipe.yaml", /pipe\.yaml is no regular file$/],
      ["gone.yaml", /gone\.yaml does not exist$/],
      ["c\n.yaml", /^the name of a file holds control characters$/],
    ] as const)
      assert.throws(
        () => textOf(folder, name),
        (error: Error) => expected.test(error.message),
        name,
      );
  });

  test("may be a link; a link to nothing, and one to itself, are errors", (t) => {
    const folder = folderWith(t, ["available/a.yaml", "enabled/"]);
    const link = (to: string, name: string): void => fs.symlinkSync(to, path.join(folder, "enabled", name));
    link("../available/a.yaml", "a.yaml");
    link("../available/gone.yaml", "gone.yaml");
    link("loop.yaml", "loop.yaml");
    const { find, textOf: read, resolve } = includedFiles(path.join(folder, "millrace.yaml"));
    const [a, gone, loop] = find("enabled/*.yaml", undefined).files;
    assert.ok(a !== undefined && gone !== undefined && loop !== undefined);
    assert.equal(read(a), "available/a.yaml");
    assert.equal(find("available/a.yaml", undefined).files[0]?.id, a.id, "they are one file");
    assert.equal(resolve("x", a.name), path.join(folder, "enabled/x"), "its paths are relative to the folder of the link");
    assert.throws(() => read(gone), /gone\.yaml does not exist$/);
    assert.throws(() => read(loop), /loop\.yaml cannot be read \(ELOOP\)$/);
  });

  test("that may not be read is an error", { skip: isRoot && "root may read everything" }, (t) => {
    const folder = folderWith(t, ["a.yaml"]);
    fs.chmodSync(path.join(folder, "a.yaml"), 0);
    assert.throws(() => textOf(folder, "a.yaml"), /a\.yaml may not be read by this user$/);
  });

  test("has its own includes relative to its own folder", (t) => {
    const folder = folderWith(t, ["conf.d/sub/a.yaml"]);
    const { find } = includedFiles(path.join(folder, "millrace.yaml"));
    assert.equal(find("sub/*.yaml", path.join(folder, "conf.d/x.yaml")).files.length, 1);
  });
});
