import assert from "node:assert/strict";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import { test } from "node:test";
import { inheritedSockets } from "./inherited-sockets.ts";

test("open sockets are found, and files and closed descriptors are not", { skip: process.platform === "win32" }, async () => {
  const before = inheritedSockets() ?? assert.fail("the system does not tell");
  const server: net.Server & { readonly _handle?: { readonly fd: number } } = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const fd = server._handle?.fd ?? -1;
  const file = fs.openSync("/dev/null", "r");
  const found = inheritedSockets();
  assert.deepEqual([before.has(fd), found?.has(fd), found?.has(file), found?.has(1)], [false, true, false, false]);
  fs.closeSync(file);
  server.close();
  await once(server, "close");
});
