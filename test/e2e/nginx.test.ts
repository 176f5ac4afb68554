/** A real nginx and a real Node server as origins: whole files, ranges, compression and conditional requests pass unharmed. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { accepting } from "../support/accepting.ts";
import { freePort } from "../support/free-port.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { Scrape } from "../support/scrape.ts";

const installed = spawnSync("nginx", ["-v"], { stdio: "ignore" }).status === 0;

describe("origins", { skip: installed ? false : "nginx is not installed: apt-get install nginx" }, () => {
  let folder = "";
  let nginx: ChildProcess;
  let node: http.Server;
  let proxy: Millrace;
  const file = randomBytes(5_000_000);

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millrace-nginx-"));
    // nginx started by root reads the files as another user.
    await chmod(folder, 0o755);
    await mkdir(path.join(folder, "html"));
    await writeFile(path.join(folder, "html", "file.bin"), file);
    for (const place of ["", "with-via", "without-via"]) {
      await mkdir(path.join(folder, "html", place), { recursive: true });
      await writeFile(path.join(folder, "html", place, "page.html"), "<p>page</p>".repeat(2000));
    }
    const port = await freePort();
    const defaultsPort = await freePort();
    await writeFile(
      path.join(folder, "nginx.conf"),
      `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 512; }
http {
  access_log off; types { text/html html; }
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server { listen 127.0.0.1:${port}; root ${folder}/html; gzip on; gzip_types text/html; gzip_proxied any; keepalive_timeout 1s; }
  server { listen 127.0.0.1:${defaultsPort}; root ${folder}/html; gzip on; keepalive_timeout 1s; }
}`,
    );
    nginx = spawn("nginx", ["-p", folder, "-c", path.join(folder, "nginx.conf")], { stdio: "ignore" });
    await accepting(port, nginx);
    node = http.createServer((request, response) => {
      const hash = createHash("sha256");
      request.on("data", (chunk: Buffer) => hash.update(chunk));
      request.on("end", () =>
        response.end(JSON.stringify({ method: request.method, sha256: hash.digest("hex"), fields: request.headers })),
      );
    });
    node.listen(0, "127.0.0.1");
    await once(node, "listening");
    proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams:
  files: { endpoints: ["http://127.0.0.1:${port}"] }
  with_via: { endpoints: ["http://127.0.0.1:${defaultsPort}"] }
  without_via: { endpoints: ["http://127.0.0.1:${defaultsPort}"], via: false }
  node: { endpoints: ["http://127.0.0.1:${(node.address() as AddressInfo).port}"] }
routes:
  - { match: { path: /node/* }, upstream: node }
  - { match: { path: /with-via/* }, upstream: with_via }
  - { match: { path: /without-via/* }, upstream: without_via }
  - { upstream: files }
admin: { address: "127.0.0.1:0" }
logging: { access: false }
`);
  });

  after(async () => {
    assert.equal(await proxy.stop(), 0);
    nginx.kill("SIGTERM");
    node.closeAllConnections();
    node.close();
    await rm(folder, { recursive: true, force: true });
  });

  const url = (to: string): string => `http://127.0.0.1:${proxy.port}${to}`;
  const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

  test("a file of 5 MB from nginx arrives whole, eight at a time", async () => {
    const bodies = await Promise.all(
      Array.from({ length: 8 }, async () => new Uint8Array(await (await fetch(url("/file.bin"))).arrayBuffer())),
    );
    assert.ok(bodies.every((body) => sha256(body) === sha256(file)));
  });

  test("ranges and conditional requests pass", async () => {
    const part = await fetch(url("/file.bin"), { headers: { range: "bytes=1000-1999" } });
    assert.equal(part.status, 206);
    assert.equal(sha256(new Uint8Array(await part.arrayBuffer())), sha256(file.subarray(1000, 2000)));
    const whole = await fetch(url("/file.bin"), { method: "HEAD" });
    assert.equal(whole.headers.get("content-length"), String(file.length));
    const again = await fetch(url("/file.bin"), { headers: { "if-none-match": whole.headers.get("etag") ?? "" } });
    assert.equal(again.status, 304);
  });

  test("nginx with default settings compresses only for an upstream that turns Via off, as docs/forwarding.md says", async () => {
    const encodingOf = async (place: string): Promise<string | null> => {
      const response = await fetch(`http://127.0.0.1:${proxy.port}/${place}/page.html`, { headers: { "Accept-Encoding": "gzip" } });
      assert.equal(await response.text(), "<p>page</p>".repeat(2000));
      return response.headers.get("content-encoding");
    };
    assert.equal(await encodingOf("with-via"), null);
    assert.equal(await encodingOf("without-via"), "gzip");
  });

  test("a chunked, compressed page passes", async () => {
    const response = await fetch(url("/page.html"));
    assert.equal(response.headers.get("content-encoding"), "gzip");
    assert.equal(await response.text(), "<p>page</p>".repeat(2000));
    assert.equal((await fetch(url("/missing"))).status, 404);
  });

  test("nginx closing idle connections after a second never shows", async () => {
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => fetch(url("/page.html"))));
      for (const answer of answers) {
        assert.equal(answer.status, 200);
        await answer.arrayBuffer();
      }
      // nginx announces nothing; its FIN is what the pool must notice.
      await Scrape.until(proxy.adminPort, (scrape) => scrape.single("upstream_connections_open") === 0, "no connection to nginx");
    }
  });

  test("uploads to Node arrive whole, with a length and chunked", async () => {
    const body = randomBytes(3_000_000);
    for (const chunked of [false, true]) {
      const payload = chunked ? new ReadableStream({ pull: (controller) => (controller.enqueue(body), controller.close()) }) : body;
      const response = await fetch(url("/node/up"), { method: "POST", body: payload, duplex: "half" });
      const told: { sha256: string; fields: Record<string, string> } = JSON.parse(await response.text());
      assert.equal(told.sha256, sha256(body));
      assert.equal(told.fields["x-forwarded-for"], "127.0.0.1");
    }
  });
});
