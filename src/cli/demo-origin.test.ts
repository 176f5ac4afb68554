import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startOrigin } from "./demo-origin.ts";

const FILE = fileURLToPath(new URL("./demo-origin.ts", import.meta.url));

test("an origin answers with its name, and /health with 200", async (t) => {
  const server = await startOrigin("A", 0, "127.0.0.1");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address !== "string");
  const url = `http://127.0.0.1:${address.port}`;
  assert.equal(await (await fetch(`${url}/any/path?x=1`)).text(), "Response from Backend A");
  assert.equal((await fetch(`${url}/health`)).status, 200);
  const head = await fetch(url, { method: "HEAD" });
  assert.deepEqual([head.headers.get("content-length"), await head.text()], ["23", ""]);
  await assert.rejects(startOrigin("B", address.port, "127.0.0.1"), { code: "EADDRINUSE" });
});

test("as a program: name, port, host; ends on SIGTERM", async (t) => {
  const child = spawn(process.execPath, [FILE, "B", "0", "127.0.0.1"]);
  t.after(() => child.kill("SIGKILL"));
  const [said]: unknown[] = await once(child.stdout, "data");
  assert.match(String(said), /^origin B listening on 127\.0\.0\.1:/);
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
  const wrong = spawn(process.execPath, [FILE, "B", "port"]);
  assert.deepEqual(await once(wrong, "exit"), [1, null]);
});
