import assert from "node:assert/strict";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { bindingName, moveSocket } from "./socket-file.ts";

test("a socket is moved onto its path, takes connections there, and leaves the path when it closes", async (t) => {
  const folder = fs.mkdtempSync(path.join(tmpdir(), "millrace-socket-"));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const file = path.join(folder, "s");
  const bound = bindingName(file);
  const server = net.createServer((socket) => socket.end("here")).listen({ path: bound });
  await once(server, "listening");
  fs.writeFileSync(file, "precious");
  assert.throws(() => moveSocket(bound, file), { code: "EADDRINUSE" });
  assert.equal(fs.readFileSync(file, "utf8"), "precious");
  fs.rmSync(file);
  moveSocket(bound, file);
  assert.deepEqual(fs.readdirSync(folder), ["s"]);
  const [answer]: unknown[] = await once(net.connect({ path: file }), "data");
  assert.equal(String(answer), "here");
  server.close();
  await once(server, "close");
  assert.deepEqual(fs.readdirSync(folder), ["s"]);
});

test("a path so long that no other name fits beside it is bound to itself", () => {
  const file = `/${"x".repeat(95)}/s`;
  assert.equal(bindingName(file), file);
  moveSocket(file, file);
  const fits = `/${"x".repeat(88)}/s`;
  assert.notEqual(bindingName(fits), fits);
  assert.equal(path.dirname(bindingName(fits)), path.dirname(fits));
});
