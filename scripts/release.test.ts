import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { releaseSection, sectionOf } from "./changelog.ts";
import { versionProblem } from "./versions.ts";

const CHANGELOG =
  "# Changelog\n\nOne line per change.\n\n## Unreleased\n\n### Added\n\n- A thing.\n\n## 0.1.0 - 2026-01-01\n\n- The first.\n";

test("the section under Unreleased gets the version and the day", () => {
  const released = releaseSection(CHANGELOG, "0.1.1", "2026-12-24");
  assert.ok(released.includes("## Unreleased\n\n## 0.1.1 - 2026-12-24\n\n### Added\n\n- A thing.\n\n## 0.1.0 - 2026-01-01\n"), released);
  assert.equal(sectionOf(released, "0.1.1"), "### Added\n\n- A thing.");
  assert.equal(sectionOf(released, "Unreleased"), "");
  assert.equal(sectionOf(released, "0.1"), null, "0.1 is another version than 0.1.0");
});

test("a changelog without anything to release is refused", () => {
  assert.throws(() => releaseSection("# Changelog\n\n## 0.1.0\n\n- x\n", "0.2.0", "2026-12-24"), /no section "Unreleased"/);
  assert.throws(() => releaseSection(CHANGELOG.replace("- A thing.", ""), "0.2.0", "2026-12-24"), /says nothing under "Unreleased"/);
  assert.throws(() => releaseSection(CHANGELOG, "0.1.0", "2026-12-24"), /already has a section 0\.1\.0/);
});

test("a version must follow the last one, and be raised enough for its changes", () => {
  const good = [
    ["0.1.1", "0.1.0", false],
    ["0.2.0", "0.1.9", true],
    ["1.0.0", "0.9.0", true],
    ["1.0.0-rc.2", "1.0.0-rc.1", true],
    ["1.0.0", "1.0.0-rc.1", true],
    ["0.10.0", "0.9.9", false],
  ] as const;
  for (const [next, last, breaking] of good) assert.equal(versionProblem(next, last, breaking), null, next);
  assert.equal(versionProblem("0.2", "0.1.0", false), '"0.2" is no version, such as 0.2.0 or 1.0.0-rc.1');
  assert.equal(versionProblem("v0.2.0", "0.1.0", false), '"v0.2.0" is no version, such as 0.2.0 or 1.0.0-rc.1');
  assert.equal(versionProblem("0.1.0", "0.1.0", false), "0.1.0 does not follow 0.1.0");
  assert.equal(versionProblem("0.9.0", "0.10.0", false), "0.9.0 does not follow 0.10.0");
  assert.equal(versionProblem("0.1.1", "0.1.0", true), "CHANGELOG.md names breaking changes: 0.2.0, not 0.1.1");
  assert.equal(versionProblem("1.3.0", "1.2.3", true), "CHANGELOG.md names breaking changes: 2.0.0, not 1.3.0");
});

interface Trial {
  git(...given: readonly string[]): string;
  read(file: string): string;
  run(...given: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string };
  write(file: string, text: string): void;
}

/** Makes a git checkout with a small package, for one test. */
function checkout(t: TestContext): Trial {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-release-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const git = (...given: readonly string[]): string => execFileSync("git", given, { cwd: folder, encoding: "utf8" });
  const write = (file: string, text: string): void => writeFileSync(path.join(folder, file), text);
  git("init", "--quiet");
  git("config", "user.name", "A Person");
  git("config", "user.email", "person@example.com");
  git("config", "commit.gpgsign", "false");
  git("config", "tag.gpgsign", "false");
  const dependency = '"node_modules/other": { "version": "0.1.0" }';
  write("CHANGELOG.md", CHANGELOG);
  write("package.json", '{\n  "name": "millrace",\n  "version": "0.1.0"\n}\n');
  write(
    "package-lock.json",
    `{\n  "name": "millrace",\n  "version": "0.1.0",\n  "packages": {\n    "": {\n      "name": "millrace",\n      "version": "0.1.0"\n    },\n    ${dependency}\n  }\n}\n`,
  );
  git("add", ".");
  git("commit", "--quiet", "-m", "first");
  const script = path.join(import.meta.dirname, "release.ts");
  return {
    git,
    read: (file) => readFileSync(path.join(folder, file), "utf8"),
    run: (...given) => spawnSync(process.execPath, [script, "--folder", folder, ...given], { encoding: "utf8" }),
    write,
  };
}

test("without --write a release only says what it would do", (t) => {
  const { git, run } = checkout(t);
  const { status, stdout } = run("0.1.1");
  assert.equal(status, 0);
  assert.match(stdout, /^would do, with --write:\n {2}CHANGELOG\.md: "Unreleased" becomes 0\.1\.1, 1 lines\n/);
  assert.equal(git("status", "--porcelain"), "");
  assert.equal(git("tag"), "");
});

test("a release is a commit with both files and a tag with the section", (t) => {
  const { git, read, run } = checkout(t);
  const { status, stderr } = run("0.1.1", "--write");
  assert.deepEqual([status, stderr], [0, ""]);
  assert.equal(git("log", "-1", "--format=%s"), "release: 0.1.1\n");
  assert.equal(git("status", "--porcelain"), "");
  assert.match(git("for-each-ref", "refs/tags/v0.1.1", "--format=%(contents)"), /^Millrace 0\.1\.1\n\n### Added\n\n- A thing\.\n/);
  assert.equal(JSON.parse(read("package.json")).version, "0.1.1");
  const lock = JSON.parse(read("package-lock.json"));
  assert.deepEqual([lock.version, lock.packages[""].version, lock.packages["node_modules/other"].version], ["0.1.1", "0.1.1", "0.1.0"]);
  assert.equal(run("--verify", "v0.1.1").status, 0);
  assert.equal(run("--notes", "v0.1.1").stdout, "### Added\n\n- A thing.\n");
  assert.match(run("--verify", "v0.1.2").stderr, /package\.json has 0\.1\.1, the tag is v0\.1\.2/);
  assert.match(run("0.1.2", "--write").stderr, /says nothing under "Unreleased"/);
});

test("uncommitted work and an existing tag stop a release", (t) => {
  const { git, run, write } = checkout(t);
  git("tag", "v0.1.1");
  assert.match(run("0.1.1").stderr, /there is a tag v0\.1\.1 already/);
  write("new", "");
  const { status, stderr } = run("0.1.2", "--write");
  assert.deepEqual([status, stderr], [1, "release: there is work that is not committed\n"]);
});
