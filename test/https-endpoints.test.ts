/** Endpoints behind TLS: verified by default, probed over TLS, and never spoken to in the clear. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import type { Millrace } from "./support/millrace.ts";
import { RawClient, ask, get } from "./support/raw-client.ts";

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe("https endpoints", { skip: hasOpenssl() ? false : "openssl is not installed" }, () => {
  let folder = "";
  let origin: https.Server;
  let port = 0;
  /** Of requests and probes in their order, and of each path the last one: the names that were sent. */
  const names: string[] = [];
  const nameOf: Map<string, string> = new Map();
  let proxy: Millrace | null = null;
  const running = (): Millrace => proxy ?? assert.fail("there is no proxy");

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millrace-tls-"));
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        path.join(folder, "key.pem"),
        "-out",
        path.join(folder, "cert.pem"),
      ],
      { stdio: "ignore" },
    );
    const [key, cert] = await Promise.all([readFile(path.join(folder, "key.pem")), readFile(path.join(folder, "cert.pem"))]);
    origin = https.createServer({ key, cert }, (request, response) => {
      const [, size] = /^\/bytes\/(\d+)$/.exec(request.url ?? "") ?? [];
      if (size !== undefined) return void response.end(countingBytes(Number(size)));
      const socket = request.socket;
      const name = "servername" in socket && typeof socket.servername === "string" ? socket.servername : "";
      names.push(name);
      nameOf.set(request.url ?? "", name);
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => response.end(`${request.method} ${request.url} ${Buffer.concat(chunks).length}`));
    });
    origin.listen(0, "localhost");
    await once(origin, "listening");
    port = (origin.address() as AddressInfo).port;
    proxy = await startMillrace(config());
  });

  after(async () => {
    assert.equal(await proxy?.stop(), 0);
    origin.closeAllConnections();
    origin.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The upstreams differ in how they verify the one origin; the host of a request chooses among them, `trusted` where it names none. */
  const config = (): string => {
    const ca = `ca_file: "${path.join(folder, "cert.pem")}"`;
    const probed = "health_check: { path: /health, interval: 200ms }";
    const endpoint = `endpoints: ["https://localhost:${port}"]`;
    return `
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams:
  trusted: { ${endpoint}, tls: { ${ca} }, ${probed} }
  untrusted: { ${endpoint} }
  untrusted-probed: { ${endpoint}, ${probed} }
  misnamed: { ${endpoint}, tls: { ${ca}, server_name: other.test } }
  careless: { ${endpoint}, tls: { verify: false } }
  by-address: { endpoints: ["https://127.0.0.1:${port}"], tls: { verify: false } }
routes:
  - { match: { host: untrusted.test }, upstream: untrusted }
  - { match: { host: untrusted-probed.test }, upstream: untrusted-probed }
  - { match: { host: misnamed.test }, upstream: misnamed }
  - { match: { host: careless.test }, upstream: careless }
  - { match: { host: by-address.test }, upstream: by-address }
  - { upstream: trusted }
`;
  };

  test("are relayed to and probed with the certificate verified, the name sent", async () => {
    const { port: proxyPort } = running();
    await running().until((output) => /"event":"endpoint_healthy".*"upstream":"trusted"/.test(output), "the probe");
    assert.equal((await ask(proxyPort, get("/x"))).body, "GET /x 0");
    const body = "b".repeat(300_000);
    const response = await ask(proxyPort, `POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    assert.equal(response.body, "POST /up 300000");
    assert.ok(names.length > 0 && names.every((name) => name === "localhost"), names.join(", "));
  });

  test("with a certificate that nobody vouches for are refused with 502, and a probe says why", async () => {
    const proxy = running();
    await proxy.until((output) => /"event":"endpoint_unhealthy".*self.signed/i.test(output), "the probe's reason");
    const response = await ask(proxy.port, get("/x", [], "untrusted.test"));
    assert.equal(response.status, 502);
    assert.deepEqual(response.fields.get("proxy-status"), ["millrace; error=tls_certificate_error"]);
    const failures = (output: string): number => output.match(/"event":"endpoint_tls_failed".*DEPTH_ZERO_SELF_SIGNED_CERT/g)?.length ?? 0;
    await proxy.until((output) => failures(output) > 0, "the reason");
    assert.equal((await ask(proxy.port, get("/x", [], "untrusted.test"))).status, 502);
    assert.equal(failures(proxy.output()), 1);
  });

  test("with another name are refused, unless verification is off", async () => {
    const { port: proxyPort } = running();
    assert.equal((await ask(proxyPort, get("/x", [], "misnamed.test"))).status, 502);
    assert.equal((await ask(proxyPort, get("/x", [], "careless.test"))).status, 200);
  });

  test("by address are sent no name (RFC 6066 section 3)", async () => {
    const response = await ask(running().port, get("/by-address", [], "by-address.test"));
    assert.equal(response.status, 200);
    assert.equal(nameOf.get("/by-address"), "");
  });

  test("bring bodies unchanged to a client that does not keep up", { timeout: 60_000 }, async () => {
    const { port: proxyPort } = running();
    // More than the system takes for a client that does not read.
    const size = 12_000_000;
    const client = await RawClient.connect(proxyPort);
    const pieces: Buffer[] = [];
    client.socket.pause();
    client.socket.removeAllListeners("data").on("data", (piece: Buffer) => {
      pieces.push(piece);
      client.socket.pause();
    });
    client.send(`GET /bytes/${size} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    // It reads a little for each answer that somebody else gets.
    while (!client.ended) {
      assert.equal((await ask(proxyPort, get("/small"))).status, 200);
      client.socket.resume();
    }
    client.destroy();
    const received = Buffer.concat(pieces);
    assert.ok(received.subarray(received.indexOf("\r\n\r\n") + 4).equals(countingBytes(size)));
  });
});

/** No two places of it look alike. */
function countingBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}
