import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { ListenerPause } from "./listener-pause.ts";

async function listening(t: TestContext, at: net.ListenOptions): Promise<net.Server> {
  const server = net.createServer(() => assert.fail("it accepts"));
  server.listen(at);
  await once(server, "listening");
  t.after(() => server.close());
  return server;
}

function portOf(server: net.Server): number {
  const address = server.address();
  assert.ok(address !== null && typeof address !== "string");
  return address.port;
}

/** Listens on the result of `ListenerPause.end`. Resolves with the bytes of the first connection. */
async function goOn(t: TestContext, pause: ListenerPause): Promise<string> {
  const next = net.createServer();
  next.listen(pause.end());
  t.after(() => next.close());
  const [socket]: net.Socket[] = await once(next, "connection");
  assert.ok(socket !== undefined);
  const [bytes]: Buffer[] = await once(socket, "data");
  socket.destroy();
  return String(bytes);
}

test("a client that connects during a pause waits, and is accepted after it", { timeout: 20_000 }, async (t) => {
  const server = await listening(t, { host: "127.0.0.1", port: 0 });
  const port = portOf(server);
  const pause = new ListenerPause();
  assert.ok(pause.begin(server));
  assert.ok(pause.isOn && !pause.hasFailed);
  const client = net.connect({ host: "127.0.0.1", port });
  await once(client, "connect");
  client.write("hello");
  assert.equal(await goOn(t, pause), "hello");
  assert.ok(!pause.isOn);
  client.destroy();
});

test("a Unix socket cannot be paused, and goes on", { timeout: 20_000, skip: process.platform === "win32" }, async (t) => {
  const file = path.join(tmpdir(), `millrace-pause-${process.pid}`);
  const server = net.createServer();
  server.listen({ path: file });
  await once(server, "listening");
  t.after(() => server.close());
  const pause = new ListenerPause();
  assert.ok(!pause.begin(server));
  assert.ok(!pause.isOn && !pause.hasFailed);
  const client = net.connect({ path: file });
  await once(server, "connection");
  client.destroy();
});

test("nothing is lost if there is no file descriptor for a pause", { timeout: 20_000, skip: process.platform !== "linux" }, async (t) => {
  const server = await listening(t, { host: "127.0.0.1", port: 0 });
  const port = portOf(server);
  execFileSync("prlimit", ["--pid", String(process.pid), "--nofile=200:"]);
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync("/dev/null", "r"));
  } catch {}
  const pause = new ListenerPause();
  assert.ok(pause.begin(server));
  assert.ok(pause.hasFailed);
  for (const descriptor of taken) closeSync(descriptor);
  const client = net.connect({ host: "127.0.0.1", port });
  client.write("hello");
  assert.equal(await goOn(t, pause), "hello");
  client.destroy();
});
