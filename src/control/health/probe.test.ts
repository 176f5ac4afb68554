import { test } from "node:test";
import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { once } from "node:events";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NameTable } from "../../shared/name-table.ts";
import { statusExpected } from "./probe-answer.ts";
import { upstreamTls } from "../../shared/upstream-tls.ts";
import { probeWith } from "./probe.ts";
import type { ProbeTarget } from "./probe.ts";

const names = new NameTable();
const probe = probeWith(names.lookup);

const never = new AbortController().signal;

async function serve(t: TestContext, server: net.Server): Promise<string> {
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address !== "string");
  return `http://127.0.0.1:${address.port}`;
}

/** A server that answers every request with `bytes`, then closes unless it is to hang. */
function raw(t: TestContext, bytes: string, hang: boolean = false): Promise<string> {
  const sockets = new Set<net.Socket>();
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  return serve(
    t,
    net.createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("data", () => (hang ? socket.write(bytes) : socket.end(bytes)));
    }),
  );
}

const target = (url: string, changes: Partial<ProbeTarget> = {}): ProbeTarget => ({
  url,
  proxyProtocol: undefined,
  path: "/health",
  host: undefined,
  expectedStatuses: ["200-399"],
  timeoutMs: 60_000,
  tls: upstreamTls({ verify: true, min_version: "1.2" }, new Map()),
  ...changes,
});

test("the request that a probe sends", async (t) => {
  const seen: http.IncomingMessage[] = [];
  const url = await serve(
    t,
    http.createServer((request, response) => {
      seen.push(request);
      response.end("fine");
    }),
  );
  assert.equal(await probe(target(url, { path: "/health?deep=1" }), never), null);
  assert.equal(await probe(target(url, { host: "app.example.com" }), never), null);
  const [first, second] = seen;
  assert.deepEqual([first?.method, first?.url, first?.httpVersion], ["GET", "/health?deep=1", "1.1"]);
  assert.deepEqual(first?.headers, { host: url.slice(7), "user-agent": "millrace-probe", accept: "*/*", connection: "close" });
  assert.equal(second?.headers.host, "app.example.com");
});

const answers: readonly (readonly [name: string, bytes: string, result: RegExp | null])[] = [
  ["200 with a body", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", null],
  ["200 until close", "HTTP/1.0 200 OK\r\n\r\nok", null],
  ["a redirect is an answer and is not followed", "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", null],
  ["503", "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", /^status 503, expected 200-399$/],
  ["101", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", /^status 101/],
  ["a body that ends early", "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok", /body|aborted/],
  ["a body without end", `HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n${"x".repeat(100_000)}`, null],
  ["not HTTP", "SSH-2.0-x\r\n", /^malformed answer/],
  ["nothing", "", /^the connection ended before the answer$/],
  ["half a head", "HTTP/1.1 200 OK\r\n", /^the connection ended before the answer$/],
  ["an interim response and then nothing", "HTTP/1.1 103 Early Hints\r\n\r\n", /^the connection ended before the answer$/],
  ["an interim response before it", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", null],
  ["interim responses without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(40), /^interim responses/],
  ["chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", null],
  ["chunks that end early", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", /within the body/],
  ["204 with a coding", "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n", null],
  ["a field on two lines", "HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\ncontent-length: 0\r\n\r\n", null],
  ["white space before a colon", "HTTP/1.1 200 OK\r\nX-A : 1\r\ncontent-length: 0\r\n\r\n", null],
  ["a line end after the body", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok\r\n", null],
  ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok", /^malformed answer \(content length repeated\)$/],
];
for (const [name, bytes, expected] of answers) {
  test(`answer: ${name}`, async (t) => {
    const result = await probe(target(await raw(t, bytes)), never);
    if (expected === null) assert.equal(result, null);
    else assert.match(result ?? "passed", expected);
  });
}

test("a refused connection", async (t) => {
  const server = net.createServer();
  const url = await serve(t, server);
  server.close();
  await once(server, "close");
  assert.equal(await probe(target(url), never), "connection refused");
  assert.equal(await probe(target(url, { path: undefined }), never), "connection refused");
});

for (const [name, bytes] of [
  ["no head", ""],
  ["half a head", "HTTP/1.1 200 OK\r\n"],
  ["half a body", "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok"],
] as const) {
  test(`the time limit covers everything: ${name}`, async (t) => {
    assert.equal(await probe(target(await raw(t, bytes, true), { timeoutMs: 50 }), never), "no answer within 50 ms");
  });
}

test("without a path a connection is enough", async (t) => {
  assert.equal(await probe(target(await raw(t, "", true), { path: undefined }), never), null);
});

test("https to a server that does not speak TLS", async (t) => {
  const url = (await raw(t, "HTTP/1.1 400 Bad Request\r\n\r\n")).replace("http:", "https:");
  assert.ok(await probe(target(url), never));
  assert.ok(await probe(target(url, { path: undefined }), never));
});

test("an abort ends a probe at once", async (t) => {
  const abort = new AbortController();
  const running = probe(target(await raw(t, "", true)), abort.signal);
  abort.abort();
  assert.equal(await running, "cancelled");
  assert.equal(await probe(target("http://127.0.0.1:1"), abort.signal), "cancelled");
});

test("expected statuses", () => {
  assert.ok(statusExpected(204, ["200", "204"]));
  assert.ok(statusExpected(399, ["200-399"]));
  assert.ok(!statusExpected(400, ["200-399"]));
  assert.ok(!statusExpected(201, ["200", "204"]));
  assert.ok(!statusExpected(200, []));
});

test("https: the certificate is verified against ca_file and server_name, or not at all when the upstream says so", async (t) => {
  const made = certificate(t, "backend.test");
  if (made === null) return t.skip("openssl is not installed");
  const url = (
    await serve(
      t,
      https.createServer(made, (_request, response) => response.end("fine")),
    )
  ).replace("http:", "https:");
  const tls = { ...upstreamTls({ verify: true, min_version: "1.2", server_name: "backend.test" }, new Map()), ca: made.cert };
  assert.equal(await probe(target(url, { tls }), never), null);
  assert.equal(await probe(target(url, { tls, path: undefined }), never), null);
  assert.equal(await probe(target(url, { tls: { ...tls, verify: false, ca: null } }), never), null);
  assert.match((await probe(target(url, { tls: { ...tls, ca: null } }), never)) ?? "passed", /self-signed/);
  assert.match((await probe(target(url, { tls: { ...tls, serverName: "other.test" } }), never)) ?? "passed", /for another name/);
  assert.match((await probe(target(url, { path: undefined, tls: { ...tls, serverName: null } }), never)) ?? "passed", /for another name/);
});

/** A self-signed certificate for a name; null where openssl is missing. */
function certificate(t: TestContext, name: string): { key: string; cert: string } | null {
  const folder = mkdtempSync(join(tmpdir(), "millrace-probe-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const given = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${key} -out ${cert} -days 2 -subj /CN=${name} -addext subjectAltName=DNS:${name}`;
  if (spawnSync("openssl", given.split(" ")).status !== 0) return null;
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}
