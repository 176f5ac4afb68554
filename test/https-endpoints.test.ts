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
  const names: string[] = [];

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
      names.push("servername" in socket && typeof socket.servername === "string" ? socket.servername : "");
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => response.end(`${request.method} ${request.url} ${Buffer.concat(chunks).length}`));
    });
    origin.listen(0, "localhost");
    await once(origin, "listening");
    port = (origin.address() as AddressInfo).port;
  });

  after(async () => {
    origin.closeAllConnections();
    origin.close();
    await rm(folder, { recursive: true, force: true });
  });

  const config = (tls: string, check: string = ""): string => `
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["https://localhost:${port}"], tls: ${tls}${check} } }
routes: [{ upstream: app }]
`;

  test("are relayed to and probed with the certificate verified, the name sent", async () => {
    const proxy = await startMillrace(
      config(`{ ca_file: ${path.join(folder, "cert.pem")} }`, ", health_check: { path: /health, interval: 200ms }"),
    );
    await proxy.until((output) => output.includes('"event":"endpoint_healthy"'), "the probe");
    assert.equal((await ask(proxy.port, get("/x"))).body, "GET /x 0");
    const body = "b".repeat(300_000);
    const response = await ask(proxy.port, `POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    assert.equal(response.body, "POST /up 300000");
    assert.ok(
      names.every((name) => name === "localhost"),
      names.join(", "),
    );
    assert.equal(await proxy.stop(), 0);
  });

  test("with a certificate that nobody vouches for are refused with 502, and a probe says why", async () => {
    const proxy = await startMillrace(config("{}", ", health_check: { interval: 200ms }"));
    await proxy.until((output) => /"event":"endpoint_unhealthy".*self.signed/i.test(output), "the probe's reason");
    await proxy.stop();
    const unprobed = await startMillrace(config("{}"));
    const response = await ask(unprobed.port, get("/x"));
    assert.equal(response.status, 502);
    assert.deepEqual(response.fields.get("proxy-status"), ["millrace; error=tls_protocol_error"]);
    await unprobed.until((output) => /"event":"endpoint_tls_failed".*DEPTH_ZERO_SELF_SIGNED_CERT/.test(output), "the reason");
    assert.equal((await ask(unprobed.port, get("/x"))).status, 502);
    assert.equal(unprobed.output().split("endpoint_tls_failed").length - 1, 1);
    await unprobed.stop();
  });

  test("with another name are refused, unless verification is off", async () => {
    const proxy = await startMillrace(config(`{ ca_file: ${path.join(folder, "cert.pem")}, server_name: other.test }`));
    assert.equal((await ask(proxy.port, get("/x"))).status, 502);
    await proxy.stop();
    const careless = await startMillrace(config("{ verify: false }"));
    assert.equal((await ask(careless.port, get("/x"))).status, 200);
    await careless.stop();
  });

  test("by address are sent no name (RFC 6066 section 3)", async () => {
    const proxy = await startMillrace(config("{ verify: false }").replace("localhost", "127.0.0.1"));
    assert.equal((await ask(proxy.port, get("/x"))).status, 200);
    assert.equal(names.at(-1), "");
    await proxy.stop();
  });

  test("bring bodies unchanged to a client that does not keep up", { timeout: 60_000 }, async () => {
    const proxy = await startMillrace(config(`{ ca_file: "${path.join(folder, "cert.pem")}" }`));
    try {
      // More than the system takes for a client that does not read.
      const size = 12_000_000;
      const client = await RawClient.connect(proxy.port);
      const pieces: Buffer[] = [];
      client.socket.pause();
      client.socket.removeAllListeners("data").on("data", (piece: Buffer) => {
        pieces.push(piece);
        client.socket.pause();
      });
      client.send(`GET /bytes/${size} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      // It reads a little for each answer that somebody else gets.
      while (!client.ended) {
        assert.equal((await ask(proxy.port, get("/small"))).status, 200);
        client.socket.resume();
      }
      client.destroy();
      const received = Buffer.concat(pieces);
      assert.ok(received.subarray(received.indexOf("\r\n\r\n") + 4).equals(countingBytes(size)));
    } finally {
      await proxy.stop();
    }
  });
});

/** No two places of it look alike. */
function countingBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}
