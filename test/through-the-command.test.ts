/**
 * A case of each feature through the real command: over sockets, between threads, with what it prints. All others of these features stand in
 * files named for them and run in memory (docs/testing.md); NAME.command.test.ts has what else needs the command.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import type { Millrace } from "./support/millrace.ts";
import { RawClient, ask, get } from "./support/raw-client.ts";
import type { RawResponse } from "./support/raw-client.ts";
import { answerOk, startRawOrigin } from "./support/raw-origin.ts";
import type { OriginRequest, RawOrigin } from "./support/raw-origin.ts";
import { WITHOUT_RAW_ACCESS } from "./support/without-raw-access.ts";

const PATIENCE_MS = 10_000;
const TRUSTED = "127.0.0.1";
const STRANGER = "127.0.0.2";
const CHUNKED = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f40\r\n${"V".repeat(8000)}\r\n0\r\n\r\n`;
/** An answer of a language model, in two parts that break in the middle of the word that counts. */
const [MODEL, REST] = [
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: {"u\r\n',
  '36\r\nsage":{"prompt_tokens":400,"completion_tokens":600}}\n\n\r\n0\r\n\r\n',
];
const BEGUN = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

interface Origins {
  /** Answers by the path. */
  readonly app: RawOrigin;
  /** Closes a connection on the second request. */
  readonly resetting: RawOrigin;
  /** Node's own, with a second for idle connections; its last connection. */
  readonly closing: { readonly server: http.Server; last: Socket | null };
  /** Connections of requests that `app` does not answer, by the path. */
  readonly held: ReadonlyMap<string, Socket>;
  /** Who was authenticated on a connection to `app`. */
  readonly users: ReadonlyMap<Socket, string>;
}

async function startOrigins(): Promise<Origins> {
  const held = new Map<string, Socket>();
  const users = new Map<Socket, string>();
  const app = await startRawOrigin({
    onHead: (head, socket) => {
      const [, target = ""] = head.split(" ");
      if (target.startsWith("/held/")) held.set(target, socket);
      else if (target === "/echo") {
        const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}`;
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\nhello first`);
        socket.on("data", (chunk: Buffer) => socket.write(chunk));
      } else if (target === "/malformed") socket.end("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx");
      else return false;
      return true;
    },
    onRequest: (request) => {
      const { head, socket } = request;
      if (head.startsWith("GET /cut")) socket.write(BEGUN, () => socket.resetAndDestroy());
      else if (head.startsWith("GET /chunked")) socket.write(CHUNKED);
      else if (head.startsWith("POST /model")) socket.write(MODEL, () => setImmediate(() => socket.write(REST)));
      else if (head.startsWith("GET /odd")) socket.write("HTTP/1.1 299 Very Odd\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok");
      else if (head.startsWith("GET /user")) authenticate(request, users);
      else answerOk(request);
    },
  });
  const resetting = await startRawOrigin({
    onRequest: (request) => {
      if (request.earlier > 0) request.socket.resetAndDestroy();
      else answerOk(request);
    },
  });
  const closing: Origins["closing"] = { server: http.createServer((_, response) => response.end("ok")), last: null };
  closing.server.keepAliveTimeout = 1000;
  closing.server.on("connection", (socket: Socket) => (closing.last = socket)).listen(0, "127.0.0.1");
  await once(closing.server, "listening");
  return { app, resetting, closing, held, users };
}

/** NTLM as far as a proxy sees it: two messages, and whoever asks later on the connection is that user. */
function authenticate({ head, socket }: OriginRequest, users: Map<Socket, string>): void {
  const [, said = ""] = /\r\nAuthorization: NTLM (\S+)\r\n/i.exec(head) ?? [];
  if (said !== "" && said !== "type1") users.set(socket, said);
  const user = users.get(socket);
  if (user !== undefined) return void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${user.length}\r\n\r\n${user}`);
  const challenge = said === "type1" ? "NTLM type2" : "NTLM";
  socket.write(`HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: ${challenge}\r\nContent-Length: 0\r\n\r\n`);
}

describe("through the command", { concurrency: true }, () => {
  for (const [how, environment] of [
    ["raw sockets", {}],
    ["the streams of Node", { NODE_OPTIONS: WITHOUT_RAW_ACCESS }],
  ] as const) {
    describe(how, { concurrency: true }, () => features(environment));
  }
});

function features(environment: Record<string, string>): void {
  let origins: Origins;
  let proxy: Millrace;
  let bothFamilies = 0;
  let folder: string;
  let socketPath: string;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millrace-unix-"));
    socketPath = path.join(folder, "m.sock");
    origins = await startOrigins();
    proxy = await startMillrace(
      `
listeners: [{ address: "127.0.0.1:0" }, { address: "[::]:0" }, { address: "unix:${socketPath}" }]
workers: 1
trusted_proxies: [${TRUSTED}/32]
upstreams:
  app: { endpoints: ["${origins.app.url}"] }
  resetting: { endpoints: ["${origins.resetting.url}"] }
  closing: { endpoints: ["http://127.0.0.1:${(origins.closing.server.address() as AddressInfo).port}"] }
  unnamed: { endpoints: ["http://name.invalid:80"] }
routes:
  - { match: { path: "/admin/*" }, authentication: { tokens: [s3cret] }, upstream: app }
  - { match: { path: /model }, token_limit: { tokens_per_minute: 1000, estimate: 100 }, upstream: app }
  - { match: { path: /limited }, rate_limit: { requests_per_minute: 1, burst: 1 }, upstream: app }
${["resetting", "closing", "unnamed"].map((name) => `  - { match: { path: /${name} }, upstream: ${name} }`).join("\n")}
  - { match: { host: a.test }, upstream: app }
`,
      environment,
    );
    await proxy.until((output) => output.includes('"event":"started"'), "its listeners");
    bothFamilies = Number([...proxy.output().matchAll(/listening on http:\/\/[^\s"]*:(\d+)/g)][1]?.[1]);
  });
  after(async () => {
    assert.equal(await proxy.stop(), 0);
    origins.closing.server.close();
    await Promise.all([origins.app.close(), origins.resetting.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  /** One request from that address; the status, and the access record. */
  async function say(from: string, port: number, path: string, fields: readonly string[]): Promise<[number, Record<string, unknown>]> {
    const client = await RawClient.connect(port, "127.0.0.1", from);
    client.send(get(path, fields));
    const { status } = await client.response();
    client.destroy();
    const ours = (): Record<string, unknown> | undefined => proxy.access().find((record) => record["path"] === path);
    await proxy.until(() => ours() !== undefined, "the record");
    return [status, ours() ?? assert.fail()];
  }

  /** The connection on which the held request has come. */
  async function atOrigin(path: string): Promise<Socket> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const socket = origins.held.get(path);
      if (socket !== undefined) return socket;
      if (deadline.aborted) throw new Error(`waited in vain for ${path}`);
      await new Promise(setImmediate);
    }
  }

  test("head and body go both ways as they are, with the proxy's own fields", async () => {
    const response = await ask(proxy.port, get("/odd?x=1", ["X-One: 1"]));
    assert.match(response.head, /^HTTP\/1\.1 299 Very Odd\r\nX-A: 1\r\nContent-Length: 2\r\nDate: [^\r]+ GMT\r\n\r\n$/);
    assert.equal(
      origins.app.requests.find(({ head }) => head.includes("/odd"))?.head,
      "GET /odd?x=1 HTTP/1.1\r\nHost: a.test\r\nX-One: 1\r\n" +
        "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.test\r\nVia: 1.1 millrace\r\n\r\n",
    );
  });

  test("its own answers have their line in the log, without the query", async () => {
    const answer = await ask(proxy.port, get("/nowhere?key=s3cret-query", [], "other.test"));
    assert.deepEqual([answer.status, answer.body], [404, "404 Not Found: No route takes this request.\n"]);
    await proxy.until((output) => output.includes('"outcome":"no_route"'), "the log line");
    assert.ok(!proxy.output().includes("s3cret-query"));
  });

  test("502 for a name that resolves to nothing", async () => {
    const answer = await ask(proxy.port, get("/unnamed"));
    assert.deepEqual([answer.status, answer.fields.get("proxy-status")], [502, ["millrace; error=dns_error"]]);
  });

  test("a token is asked for however the path is spelled, and a limit is kept", async () => {
    for (const path of ["/admin/x", "/%61dmin/x", "//admin"]) assert.equal((await ask(proxy.port, get(path))).status, 401, path);
    assert.equal((await ask(proxy.port, get("/x/../admin"))).status, 400);
    assert.equal((await ask(proxy.port, get("/admin/x", ["Authorization: Bearer s3cret"]))).status, 200);
    assert.equal((await ask(proxy.port, get("/limited"))).status, 200);
    assert.equal((await ask(proxy.port, get("/limited"))).status, 429);
  });

  test("the tokens of an answer are counted while it streams, by all threads together", async () => {
    const asked = "POST /model HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\n{}";
    const answer = await ask(proxy.port, asked);
    assert.deepEqual([answer.status, answer.body.length], [200, 63]);
    const ours = (): Record<string, unknown> | undefined => proxy.access().find((record) => record["path"] === "/model");
    await proxy.until(() => ours() !== undefined, "its line");
    assert.deepEqual([ours()?.["input_tokens"], ours()?.["output_tokens"], ours()?.["tokens_from"]], [400, 600, "usage"]);
    assert.equal((await ask(proxy.port, asked)).status, 429);
  });

  test("a stranger's forged address is nowhere, and a trusted proxy is believed", async () => {
    const forged = ["X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6"];
    const [, stranger] = await say(STRANGER, proxy.port, "/stranger", forged);
    assert.equal(stranger["client"], STRANGER);
    assert.doesNotMatch(origins.app.requests.find(({ head }) => head.includes("/stranger"))?.head ?? assert.fail(), /6\.6\.6\.6/);
    const [, trusted] = await say(TRUSTED, proxy.port, "/trusted", ["X-Forwarded-For: 6.6.6.6, 192.0.2.7"]);
    assert.equal(trusted["client"], "192.0.2.7");
  });

  test("a client of IPv4 has its own address on a listener of both families", async () => {
    const [, record] = await say(STRANGER, bothFamilies, "/families", []);
    assert.equal(record["client"], STRANGER);
    const head = origins.app.requests.find((request) => request.head.includes("/families"))?.head ?? "";
    assert.deepEqual(head.match(/^X-Forwarded-For: .*$/gim), [`X-Forwarded-For: ${STRANGER}`]);
  });

  test("what is wrong with a response is logged", async () => {
    const response = await ask(proxy.port, get("/malformed"));
    assert.equal(response.status, 502);
    assert.doesNotMatch(response.body, /length/i);
    await proxy.until(
      (output) => /"event":"endpoint_response_malformed".*"code":"content_length_repeated".*: content length repeated"/.test(output),
      "the fault",
    );
  });

  test("a refused chunked body leaves nothing in the next response", async () => {
    assert.equal((await ask(proxy.port, get("/chunked"))).body, "V".repeat(8000));
    const fields = `Connection: X-Drop\r\nX-Drop: ${"d".repeat(500)}\r\nTransfer-Encoding: chunked`;
    const refused = await ask(proxy.port, `POST /refused HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n\r\n200\r\n${"A".repeat(512)}\r\nZZ\r\n`);
    assert.equal(refused.status, 400);
    assert.equal((await ask(proxy.port, get("/chunked"))).body, "V".repeat(8000));
  });

  test("who was authenticated on a connection has it alone, as long as it is there", async () => {
    const [alice, bob] = [await RawClient.connect(proxy.port), await RawClient.connect(proxy.port)];
    const say = async (client: RawClient, path: string, fields: readonly string[] = []): Promise<RawResponse> => {
      client.received = "";
      client.send(get(path, fields));
      return client.response();
    };
    assert.deepEqual((await say(alice, "/user", ["Authorization: NTLM type1"])).fields.get("www-authenticate"), ["NTLM type2"]);
    assert.equal((await say(alice, "/user", ["Authorization: NTLM alice"])).body, "alice");
    for (let count = 0; count < 3; count++) {
      assert.equal((await say(alice, "/user")).body, "alice");
      assert.equal((await say(bob, "/user")).status, 401);
    }
    const [socket] = origins.users.keys();
    const closed = once(socket ?? assert.fail(), "close", { signal: AbortSignal.timeout(PATIENCE_MS) });
    alice.destroy();
    await closed;
    bob.destroy();
  });

  test("a dead pooled connection is replaced silently", async () => {
    assert.equal((await ask(proxy.port, get("/resetting"))).status, 200);
    assert.equal((await ask(proxy.port, get("/resetting"))).status, 200);
    assert.deepEqual([origins.resetting.accepted(), origins.resetting.requests.length], [2, 3]);
  });

  test("a cut response over a Unix socket harms nobody else", async () => {
    const client = net.connect(socketPath);
    client.write("GET /cut HTTP/1.0\r\nHost: a.test\r\n\r\n");
    client.resume();
    await once(client, "close", { signal: AbortSignal.timeout(PATIENCE_MS) });
    assert.equal((await ask(proxy.port, get("/"))).status, 200);
    assert.ok(!proxy.output().includes("worker_exited"), proxy.output());
  });

  test("the upstream exchange ends when the client is gone", async () => {
    for (const leave of ["reset", "close"] as const) {
      const client = await RawClient.connect(proxy.port);
      client.send(get(`/held/${leave}`));
      const socket = await atOrigin(`/held/${leave}`);
      const closed = once(socket, "close", { signal: AbortSignal.timeout(PATIENCE_MS) });
      if (leave === "reset") client.socket.resetAndDestroy();
      else client.destroy();
      await closed;
    }
    await proxy.until(() => proxy.access().filter((record) => record["status"] === 499).length === 2, "two log lines");
  });

  test("a client that has half-closed is answered", async () => {
    const client = await RawClient.connect(proxy.port);
    client.send(get("/held/half-closed"));
    client.socket.end();
    const socket = await atOrigin("/held/half-closed");
    // Long enough for the proxy to have asked, by interim responses, whether the client is still there.
    await client.until((each) => each.received.split("100 Continue").length === 3, "the interim responses");
    socket.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate");
    await client.end();
    const responses = await client.responses(3);
    assert.deepEqual(
      responses.map(({ status, body }) => [status, body]),
      [
        [100, ""],
        [100, ""],
        [200, "late"],
      ],
    );
    client.destroy();
  });

  test("dead pooled connections never meet a Node origin that closes idle ones: its Keep-Alive timeout is learned", async () => {
    const post = "POST /closing HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nx";
    // Half of the announced second is how long the connection is used; by then it must have been closed by the proxy.
    for (let round = 0; round < 3; round++) {
      assert.equal((await ask(proxy.port, post)).status, 200);
      const { last: socket } = origins.closing;
      if (socket !== null && !socket.closed) await once(socket, "close", { signal: AbortSignal.timeout(PATIENCE_MS) });
      assert.equal((await ask(proxy.port, post)).status, 200);
    }
  });

  test("a WebSocket is tunnelled both ways, byte for byte, with FIN passed on", async () => {
    const client = await RawClient.connect(proxy.port);
    const fields = ["Connection: Upgrade", "Upgrade: websocket", `Sec-WebSocket-Key: ${KEY}`, "Sec-WebSocket-Version: 13"];
    client.send(get("/echo", fields));
    await client.until((each) => each.received.endsWith("hello first"), "the origin's first bytes");
    const start = client.received.length;
    const payload = randomBytes(3_000_000);
    client.socket.write(payload);
    await client.until((each) => each.received.length >= start + payload.length, "the echo");
    const echoed = createHash("sha256").update(client.received.slice(start), "latin1").digest("hex");
    assert.equal(echoed, createHash("sha256").update(payload).digest("hex"));
    client.socket.end();
    await client.end();
    client.destroy();
    await proxy.until(() => proxy.access().some((record) => record["outcome"] === "tunnel"), "the tunnel's log line");
  });
}
