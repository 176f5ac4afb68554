/** Files sent by the real command: what clients that leave or stand still hold open, and what becomes of a file that changes while it is sent. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { ask, get } from "../support/raw-client.ts";

/** More than the system takes for a client that reads nothing. */
const LARGE_BYTES = 32 * 1024 ** 2;

const folder = mkdtempSync(path.join(tmpdir(), "millrace-files-"));
const root = path.join(folder, "root");
let proxy: Millrace;

before(async () => {
  mkdirSync(root);
  writeFileSync(path.join(root, "small.txt"), "small");
  writeFileSync(path.join(root, "large.bin"), Buffer.alloc(LARGE_BYTES, "0123456789abcdef"));
  const config = `
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
logging: { access: true }
routes: [{ files: { root: ${JSON.stringify(root)} } }]
`;
  proxy = await startMillrace(config);
});

after(async () => {
  await proxy.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Waits for what nothing tells of. */
async function eventually(holds: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** How many descriptors of the proxy lead to files of the folder. */
function openFiles(): number {
  const fds = `/proc/${proxy.process.pid}/fd`;
  return readdirSync(fds).filter((fd) => {
    try {
      return readlinkSync(`${fds}/${fd}`).startsWith(root);
    } catch {
      return false;
    }
  }).length;
}

/** A client that asks for a file and reads no more than the first bytes of it. */
async function stalled(name: string): Promise<Socket> {
  const socket = connect(proxy.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(get(`/${name}`));
  await new Promise((resolve) => socket.once("readable", resolve));
  return socket;
}

async function status(name: string): Promise<number> {
  return (await ask(proxy.port, get(`/${name}`))).status;
}

test("a client that stands still holds one file open, and none when it has left", async () => {
  const clients = await Promise.all(Array.from({ length: 12 }, () => stalled("large.bin")));
  await eventually(() => openFiles() === 12, "each of them has its file");
  for (const client of clients.slice(0, 6)) client.destroy();
  for (const client of clients.slice(6)) client.resetAndDestroy();
  await eventually(() => openFiles() === 0, "every file is closed");
  assert.equal(await status("small.txt"), 200);
});

test("a whole large file arrives, though it was deleted on the way", async () => {
  const name = path.join(root, "gone.bin");
  writeFileSync(name, Buffer.alloc(LARGE_BYTES, "x"));
  const client = await stalled("gone.bin");
  unlinkSync(name);
  let bytes = 0;
  client.on("data", (data: Buffer) => (bytes += data.length));
  await eventually(() => bytes > LARGE_BYTES, "all of it");
  client.destroy();
  assert.equal(await status("gone.bin"), 404);
});

test("a file that becomes shorter while it is sent: the client is cut, and sees it", async () => {
  const name = path.join(root, "short.bin");
  writeFileSync(name, Buffer.alloc(LARGE_BYTES, "x"));
  const client = await stalled("short.bin");
  truncateSync(name, 1000);
  let bytes = 0;
  client.on("data", (data: Buffer) => (bytes += data.length));
  await new Promise((resolve) => client.once("close", resolve));
  assert.ok(bytes < LARGE_BYTES, `${bytes} bytes`);
  await eventually(() => proxy.output().includes("a file became shorter while it was sent"), "a line in the log");
  await eventually(() => openFiles() === 0, "the file is closed");
});
