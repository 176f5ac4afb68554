/** Files of a real disk: links, races, what is no file, and that nothing stays open. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { NoFile, OpenFile } from "../proxy/feature/file-store.ts";
import { DiskFiles } from "./disk-files.ts";
import { noFile } from "./no-file.ts";

const LARGE = Buffer.alloc(300_000, "0123456789");
const LONG_AGO = new Date("2026-01-01T00:00:00Z");

/** A folder `root` with files, beside a file `secret`, and a store. */
function place(t: TestContext, openMax: number = 8): { root: string; store: DiskFiles; open: () => number } {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-files-"));
  const root = path.join(folder, "root");
  mkdirSync(path.join(root, "sub"), { recursive: true });
  for (const [name, content] of [
    ["root/small", "small"],
    ["root/empty", ""],
    ["root/sub/large", LARGE],
    ["secret", "secret"],
  ] as const) {
    writeFileSync(path.join(folder, name), content);
    utimesSync(path.join(folder, name), LONG_AGO, LONG_AGO);
  }
  let count = 0;
  const store = new DiskFiles({ epochMs: () => Date.now() + 10_000, counted: (delta) => (count += delta), mayOpen: () => true, openMax });
  t.after(async () => {
    await until(() => descriptorsIn(folder) === 0, "every file is closed");
    rmSync(folder, { recursive: true, force: true });
  });
  return { root, store, open: () => count };
}

function descriptorsIn(folder: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false;
    }
  }).length;
}

/** The content of a file, or why there is none. */
async function read(store: DiskFiles, root: string, name: string): Promise<string> {
  const file = await store.open(root, name);
  return typeof file === "string" ? file : contentOf(file);
}

async function contentOf(file: OpenFile): Promise<string> {
  let text = "";
  const piece = Buffer.alloc(65_536);
  if (file.content !== null) text = file.content.toString();
  else
    for (let count = -1; count !== 0 && text.length < file.size; text += piece.toString("latin1", 0, count)) {
      count = await file.read(piece, text.length);
      if (count < 0) throw new Error("cannot be read");
    }
  file.close();
  return text.slice(0, file.size);
}

/** Files are closed in the thread pool. */
async function until(holds: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 5000;
  while (!holds()) {
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function opened(file: OpenFile | NoFile): OpenFile {
  assert.ok(typeof file !== "string", String(file));
  return file;
}

test("regular files, small and large", async (t) => {
  const { root, store, open } = place(t);
  assert.equal(await read(store, root, "small"), "small");
  assert.equal(await read(store, root, "empty"), "");
  assert.ok((await read(store, root, "sub/large")) === LARGE.toString());
  const file = opened(await store.open(root, "small"));
  assert.deepEqual([file.size, file.modifiedMs, await store.exists(`${root}/small`)], [5, LONG_AGO.getTime(), true]);
  await until(() => open() === 0, "every file is closed");
});

test("what is no file", async (t) => {
  const { root, store } = place(t);
  spawnSync("mkfifo", [path.join(root, "pipe")]);
  const server = createServer().listen(path.join(root, "socket"));
  t.after(() => server.close());
  symlinkSync("/dev/zero", path.join(root, "zero"));
  symlinkSync("circle", path.join(root, "circle"));
  for (const [name, reason] of [
    ["nothing", "missing"],
    ["small/x", "missing"],
    ["x".repeat(300), "missing"],
    ["x/".repeat(3000), "missing"],
    ["a\0b", "missing"],
    ["sub", "folder"],
    ["pipe", "refused"],
    ["socket", "refused"],
    ["zero", "refused"],
    ["circle", "refused"],
  ] as const)
    assert.equal(await read(store, root, name), reason, name.slice(0, 20));
  assert.equal(await read(store, `${root}/none`, "small"), "missing");
  assert.equal(await store.exists(`${root}/nothing`), false);
});

test("what the system says", () => {
  const meaning = (code?: string): NoFile => noFile(Object.assign(new Error("x"), code === undefined ? {} : { code }));
  assert.deepEqual(["ENOENT", "EACCES", "EMFILE", "ENFILE", "ELOOP", "EIO"].map(meaning), [
    "missing",
    "unreadable",
    "busy",
    "busy",
    "refused",
    "failed",
  ]);
  assert.equal(meaning(), "failed");
});

test("a file that this user may not read", { skip: process.getuid?.() === 0 && "root may read everything" }, async (t) => {
  const { root, store } = place(t);
  chmodSync(path.join(root, "small"), 0);
  assert.equal(await read(store, root, "small"), "unreadable");
});

test("links lead to what is below the root, and not out of it", async (t) => {
  const { root, store } = place(t);
  const links = { in: "small", up: "sub/../small", folder: ".", out: "../secret", absolute: path.join(root, "../secret"), parent: ".." };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, path.join(root, name));
  symlinkSync(path.join(root, "../secret"), path.join(root, "sub/far"));
  mkdirSync(path.join(root, "../rootless"));
  writeFileSync(path.join(root, "../rootless/a"), "a");
  symlinkSync("../rootless/a", path.join(root, "neighbour"));
  for (const [name, content] of [
    ["in", "small"],
    ["up", "small"],
    ["folder/small", "small"],
    ["out", "refused"],
    ["absolute", "refused"],
    ["parent/secret", "refused"],
    ["sub/far", "refused"],
    ["neighbour", "refused"],
  ] as const)
    assert.equal(await read(store, root, name), content, name);
  // The root may be a link itself, and may be turned to another folder.
  symlinkSync("root", `${root}-current`);
  assert.equal(await read(store, `${root}-current`, "small"), "small");
  unlinkSync(`${root}-current`);
  symlinkSync("rootless", `${root}-current`);
  assert.deepEqual([await read(store, `${root}-current`, "small"), await read(store, `${root}-current`, "a")], ["missing", "a"]);
});

test("what one root admits, another one does not", async (t) => {
  const { root, store } = place(t);
  // Below `root` the file lies outside, and below `root/link`, which is a root as well, it lies inside.
  mkdirSync(path.join(root, "../outside"));
  writeFileSync(path.join(root, "../outside/file"), "secret");
  utimesSync(path.join(root, "../outside/file"), LONG_AGO, LONG_AGO);
  symlinkSync("../outside", path.join(root, "link"));
  assert.equal(await read(store, path.join(root, "link"), "file"), "secret");
  assert.equal(await store.open(path.join(root, "link"), "file"), await store.open(path.join(root, "link"), "file"), "kept in memory");
  assert.equal(await read(store, root, "link/file"), "refused");
});

test("of what lies outside nothing is told, not even that it is there", async (t) => {
  const { root, store } = place(t);
  mkdirSync(path.join(root, "../outside/folder"), { recursive: true });
  symlinkSync("../outside", path.join(root, "link"));
  assert.equal(await read(store, root, "link"), "refused");
  assert.equal(await read(store, root, "link/folder"), "refused");
  symlinkSync("sub", path.join(root, "inner"));
  assert.equal(await read(store, root, "inner"), "folder");
});

test("while a link is turned to and fro, what lies outside is never read", async (t) => {
  const { root, store } = place(t, 64);
  mkdirSync(path.join(root, "../outside"));
  writeFileSync(path.join(root, "../outside/file"), "secret");
  mkdirSync(path.join(root, "inside"));
  writeFileSync(path.join(root, "inside/file"), "public");
  symlinkSync("inside", path.join(root, "link"));
  const found = new Set<string>();
  for (let round = 0; round < 150; round++) {
    const reading = Array.from({ length: 4 }, () => read(store, root, "link/file"));
    symlinkSync(round % 2 === 0 ? "../outside" : "inside", path.join(root, "next"));
    renameSync(path.join(root, "next"), path.join(root, "link"));
    for (const text of await Promise.all(reading)) found.add(text);
  }
  assert.equal(found.has("secret"), false);
  assert.deepEqual([found.has("public"), found.has("refused")], [true, true], [...found].join());
});

test("a small file is read anew when it has changed in any way", async (t) => {
  const { root, store } = place(t);
  const file = path.join(root, "small");
  assert.equal(await read(store, root, "small"), "small");
  const kept = await store.open(root, "small");
  assert.equal(await store.open(root, "small"), kept, "kept in memory");
  // The same length and the same time of change.
  writeFileSync(file, "large");
  utimesSync(file, LONG_AGO, LONG_AGO);
  assert.equal(await read(store, root, "small"), "large");
  writeFileSync(`${file}.new`, "other");
  utimesSync(`${file}.new`, LONG_AGO, LONG_AGO);
  renameSync(`${file}.new`, file);
  assert.equal(await read(store, root, "small"), "other");
  unlinkSync(file);
  assert.equal(await read(store, root, "small"), "missing");
  linkSync(path.join(root, "empty"), file);
  assert.equal(await read(store, root, "small"), "");
});

test("a file that was changed a moment ago is not kept", async (t) => {
  const { root } = place(t);
  const store = new DiskFiles({ epochMs: Date.now, counted: () => {}, mayOpen: () => true });
  const first = await store.open(root, "small");
  assert.notEqual(await store.open(root, "small"), first);
});

test("a large file stays what it was for those who read it: deleted, longer; a shorter one ends early", async (t) => {
  const { root, store } = place(t);
  const name = path.join(root, "sub/large");
  const deleted = opened(await store.open(root, "sub/large"));
  appendFileSync(name, "more");
  const longer = opened(await store.open(root, "sub/large"));
  unlinkSync(name);
  assert.ok((await contentOf(deleted)) === LARGE.toString());
  assert.ok((await contentOf(longer)) === `${LARGE.toString()}more`);
  writeFileSync(name, LARGE);
  const shorter = opened(await store.open(root, "sub/large"));
  truncateSync(name, 100);
  const piece = Buffer.alloc(1000);
  assert.deepEqual([await shorter.read(piece, 0), await shorter.read(piece, 100)], [100, 0]);
  shorter.close();
});

test("a bounded number of files is open; one that is closed while it is read is closed after that, and once", async (t) => {
  const { root, store, open } = place(t, 2);
  const files = [opened(await store.open(root, "sub/large")), opened(await store.open(root, "sub/large"))];
  assert.deepEqual([await store.open(root, "sub/large"), open()], ["busy", 2]);
  const reading = files[0]?.read(Buffer.alloc(100_000), 0);
  for (const file of files) file.close();
  for (const file of files) file.close();
  assert.equal(await reading, 100_000);
  await until(() => open() === 0, "every file is closed");
  assert.ok((await read(store, root, "sub/large")) === LARGE.toString());
});

test("many who ask for the same small file at once cost the system two questions", async (t) => {
  const { root, store } = place(t);
  await read(store, root, "small");
  const all = await Promise.all(Array.from({ length: 100 }, () => store.open(root, "small")));
  assert.equal(new Set(all).size, 1);
  // Who asks after a change gets what is there after it, whoever asked before.
  const before = store.open(root, "small");
  unlinkSync(path.join(root, "small"));
  const after = store.open(root, "small");
  await before;
  assert.equal(await after, "missing");
});
