import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { FileWatch } from "./file-watch.ts";

/** So far in the future that no file counts as changed while it was read. */
const LATER = Date.now() + 3_600_000;

interface Watched {
  readonly watch: FileWatch;
  /** Resolves at the next change. */
  next(): Promise<void>;
  /** How many changes were told. */
  told(): number;
}

function watched(t: TestContext): Watched {
  const watch = new FileWatch(5);
  t.after(() => watch.close());
  let told = 0;
  let waiting: (() => void) | null = null;
  watch.start(() => {
    told++;
    waiting?.();
    waiting = null;
  });
  return { watch, told: () => told, next: () => new Promise((resolve) => (waiting = resolve)) };
}

function folder(t: TestContext): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-watch-"));
  t.after(() => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

describe("a watched file", () => {
  for (const [how, change] of [
    ["is written", (file) => fs.appendFileSync(file, "more")],
    [
      "is replaced by another file, as editors do",
      (file) => {
        fs.writeFileSync(`${file}.new`, "text");
        fs.renameSync(`${file}.new`, file);
      },
    ],
    ["is removed", (file) => fs.rmSync(file)],
    [
      "is in a folder that is replaced",
      (file) => {
        const at = path.dirname(file);
        fs.cpSync(at, `${at}.new`, { recursive: true });
        fs.rmSync(at, { recursive: true });
        fs.renameSync(`${at}.new`, at);
      },
    ],
  ] as const satisfies readonly (readonly [string, (file: string) => void])[]) {
    test(`${how}: told once`, { timeout: 30_000 }, async (t) => {
      const inside = path.join(folder(t), "inside");
      fs.mkdirSync(inside);
      const file = path.join(inside, "a");
      fs.writeFileSync(file, "text");
      const { watch, next, told } = watched(t);
      await watch.use(new Set([file]), LATER, true);
      const first = next();
      change(file);
      await first;
      // A second change shows that the first was not told again in between.
      const second = next();
      fs.writeFileSync(file, "once more");
      await second;
      assert.equal(told(), 2);
    });
  }

  test("is behind a link that leads elsewhere then, as in Kubernetes", { timeout: 30_000 }, async (t) => {
    const at = folder(t);
    for (const version of ["1", "2"]) {
      fs.mkdirSync(path.join(at, version));
      fs.writeFileSync(path.join(at, version, "a"), "same");
    }
    fs.symlinkSync("1", path.join(at, "data"));
    const { watch, next } = watched(t);
    await watch.use(new Set([path.join(at, "data", "a")]), LATER, true);
    const changed = next();
    fs.symlinkSync("2", path.join(at, "data.new"));
    fs.renameSync(path.join(at, "data.new"), path.join(at, "data"));
    await changed;
  });

  test("comes, where none was", { timeout: 30_000 }, async (t) => {
    const file = path.join(folder(t), "a");
    const { watch, next } = watched(t);
    await watch.use(new Set([file]), LATER, false);
    const changed = next();
    fs.writeFileSync(file, "");
    await changed;
  });

  test("changed while the configuration was read", { timeout: 30_000 }, async (t) => {
    const file = path.join(folder(t), "a");
    const since = Date.now();
    fs.writeFileSync(file, "");
    const { watch, next } = watched(t);
    const changed = next();
    await watch.use(new Set([file]), since, true);
    await changed;
  });
});

test(
  "a file that the configuration does not name any more is not watched, unless it could not be read to its end",
  { timeout: 30_000 },
  async (t) => {
    const at = folder(t);
    const [left, kept, named] = ["left", "kept", "named"].map((name) => path.join(at, name)) as [string, string, string];
    for (const file of [left, kept, named]) fs.writeFileSync(file, "");
    const { watch, next, told } = watched(t);
    await watch.use(new Set([left, kept]), LATER, true);
    await watch.use(new Set([kept, named]), LATER, true);
    await watch.use(new Set([named]), LATER, false);
    fs.writeFileSync(left, "more");
    const first = next();
    fs.writeFileSync(kept, "more");
    await first;
    const second = next();
    fs.writeFileSync(named, "more");
    await second;
    assert.equal(told(), 2);
  },
);

test("a pattern is watched: names that match it come and go, and others do not count", { timeout: 30_000 }, async (t) => {
  const at = path.join(folder(t), "conf.d");
  const { watch, next, told } = watched(t);
  await watch.use(new Set([path.join(at, "*.yaml")]), LATER, true);
  const made = next();
  fs.mkdirSync(at);
  await made;
  const added = next();
  fs.writeFileSync(path.join(at, ".a.yaml.swp"), "");
  fs.writeFileSync(path.join(at, "a.yaml"), "");
  await added;
  const gone = next();
  fs.rmSync(path.join(at, "a.yaml"));
  await gone;
  assert.equal(told(), 3);
});

test("a name that came while the configuration was read counts as a change", { timeout: 30_000 }, async (t) => {
  const at = folder(t);
  const since = Date.now();
  fs.writeFileSync(path.join(at, "a.yaml"), "");
  const { watch, next } = watched(t);
  const changed = next();
  await watch.use(new Set([path.join(at, "*.yaml")]), since, true);
  await changed;
});
