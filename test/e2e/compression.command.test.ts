/** Compression by the real command, between real sockets, read by curl, which decodes by itself. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { startHttpOrigin } from "../support/http-origin.ts";
import { startMillrace } from "../support/millrace.ts";

const TEXT = JSON.stringify(Array.from({ length: 5000 }, (_, id) => ({ id, name: `name ${(id * 7919) % 1000}` })));

test("large bodies in every coding, events one by one, a body that is cut, and a bomb", { timeout: 60_000 }, async (t) => {
  const url = await startHttpOrigin(t, (request, response) => {
    if (request.url === "/events") {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write("data: one\n\n");
      // It ends when its client has seen the event, and has gone.
      return;
    }
    if (request.url === "/cut") {
      response.writeHead(200, { "Content-Type": "text/plain" });
      response.write("x".repeat(100_000), () => response.destroy());
      return;
    }
    let size = 0;
    request.on("data", (bytes: Buffer) => (size += bytes.length));
    request.on("end", () => {
      if (request.method === "POST") response.end(`${size} ${request.headers["content-encoding"] ?? "plain"}`);
      else response.writeHead(200, { "Content-Type": "application/json" }).end(TEXT);
    });
  });
  const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["${url}"] } }
defaults: { routes: { compression: { requests: true, max_delay: 60s } } }
routes: [{ upstream: app }]
`);
  t.after(() => proxy.stop());
  const base = `http://127.0.0.1:${proxy.port}`;
  for (const coding of ["gzip", "br", "zstd"] as const) {
    const response = await fetch(`${base}/`, { headers: { "Accept-Encoding": coding } });
    assert.equal(response.headers.get("content-encoding"), coding);
    assert.equal(hash(await response.text()), hash(TEXT));
  }
  const curl = await promisify(execFile)("curl", ["-sS", "--compressed", "-D", "-", "-o", "/dev/null", `${base}/`]);
  assert.match(curl.stdout, /content-encoding: /i);

  const gone = new AbortController();
  const events = await fetch(`${base}/events`, { headers: { "Accept-Encoding": "gzip" }, signal: gone.signal });
  const first = await events.body?.getReader().read();
  assert.equal(Buffer.from(first?.value ?? []).toString(), "data: one\n\n");
  gone.abort();

  await assert.rejects(fetch(`${base}/cut`, { headers: { "Accept-Encoding": "gzip" } }).then((response) => response.text()));

  const post = (body: Buffer): Promise<Response> =>
    fetch(`${base}/`, { method: "POST", body: new Uint8Array(body), headers: { "Content-Encoding": "gzip" } });
  assert.equal(await (await post(gzipSync(TEXT))).text(), `${TEXT.length} plain`);
  assert.equal((await post(gzipSync(Buffer.alloc(50_000_000)))).status, 413);
});

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
