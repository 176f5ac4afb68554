import assert from "node:assert/strict";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { SocketFiles } from "./socket-files.ts";

function folder(t: TestContext): string {
  const path = fs.mkdtempSync(join(tmpdir(), "millrace-sockets-"));
  t.after(() => fs.rmSync(path, { recursive: true }));
  return path;
}

async function listen(t: TestContext, path: string): Promise<void> {
  const server = net.createServer().listen({ path });
  await once(server, "listening");
  t.after(() => server.close());
}

test("the noted socket is removed, once", async (t) => {
  const path = join(folder(t), "s");
  const files = new SocketFiles();
  await listen(t, path);
  files.note(path);
  files.remove(path);
  assert.ok(!fs.existsSync(path));
  await listen(t, path);
  files.remove(path);
  assert.ok(fs.existsSync(path), "it was not noted again");
});

test("what another program has put there stays, and so does what was no socket", async (t) => {
  const place = folder(t);
  const [mine, other, file] = [join(place, "s"), join(place, "moved"), join(place, "file")];
  const before = process.listenerCount("exit");
  const files = new SocketFiles();
  await listen(t, mine);
  files.note(mine);
  fs.renameSync(mine, other);
  await listen(t, mine);
  fs.writeFileSync(file, "precious");
  files.note(file);
  files.note(join(place, "missing"));
  files.removeAll();
  assert.deepEqual([fs.existsSync(mine), fs.existsSync(other), fs.existsSync(file)], [true, true, true]);
  assert.equal(process.listenerCount("exit"), before);
});
