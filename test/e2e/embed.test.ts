/** The programs of examples/embed: compiled and run with the published package, and asked by real requests. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { eventually } from "../support/eventually.ts";
import { packPackage } from "../support/packed-package.ts";
import { Printed } from "../support/printed.ts";
import { RawClient, ask, get } from "../support/raw-client.ts";
import { ROOT, readText } from "../support/source-files.ts";
import { UpstreamApp } from "../support/upstream-app.ts";
import type { Seen } from "../support/upstream-app.ts";

const run = promisify(execFile);
const PATIENCE_MS = 30_000;
/** Size of the pieces in which bodies are sent. */
const PIECE = 64 * 1024;

interface Program {
  readonly name: string;
  readonly command: readonly string[];
  /** Path of the client below which the proxy answers. */
  readonly base: string;
  /** The same as the endpoint sees it. */
  readonly seenBase: string;
  /** What the framework itself answers, beside the proxy. */
  readonly own: readonly [path: string, body: RegExp];
  readonly exitCode: number;
}

const PROGRAMS: readonly Program[] = [
  {
    name: "express",
    command: ["express.ts"],
    base: "/api/v1",
    seenBase: "/v1",
    own: ["/api/about", /^about, by Express\n$/],
    exitCode: 0,
  },
  { name: "fastify", command: ["fastify.ts"], base: "/api", seenBase: "/api", own: ["/about", /^about, by Fastify\n$/], exitCode: 0 },
  { name: "hono", command: ["hono.ts"], base: "/api", seenBase: "/api", own: ["/about", /^about, by Hono\n$/], exitCode: 0 },
  {
    name: "vite",
    command: ["node_modules/vite/bin/vite.js"],
    base: "/api",
    seenBase: "/api",
    own: ["/", /<script type="module" src="\/@vite\/client">/],
    // Vite's own: 128 and the number of the signal.
    exitCode: 143,
  },
];

describe("examples/embed", () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millrace-embed-"));
    await cp(path.join(ROOT, "examples/embed"), folder, { recursive: true, filter: (file) => path.basename(file) !== "node_modules" });
    const { archive } = await packPackage(folder);
    const file = path.join(folder, "package.json");
    const manifest = await readFile(file, "utf8");
    assert.ok(manifest.includes('"millrace": "file:../.."'));
    await writeFile(file, manifest.replace('"file:../.."', JSON.stringify(`file:${archive}`)));
    const pages = [...readText("docs/embedding.md").matchAll(/```ts\n([^]*?)```/g)].filter(([text]) => text.includes('from "millrace"'));
    assert.ok(pages.length > 1);
    for (const [at, [, code = ""]] of pages.entries()) await writeFile(path.join(folder, `page-${at}.ts`), code);
    await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock"], { cwd: folder });
  });

  after(() => rm(folder, { recursive: true, force: true }));

  test("the programs and those of docs/embedding.md are well typed, with the frameworks' types and those of the package", async () => {
    const tsc = path.join(folder, "node_modules/typescript/bin/tsc");
    const { stdout } = await run(process.execPath, [tsc], { cwd: folder }).catch((error: { stdout: string }) => error);
    assert.equal(stdout, "");
  });

  for (const program of PROGRAMS) describe(program.name, () => testProgram(() => folder, program));

  describe("http-proxy-middleware", () => testMovedProgram(() => folder));
});

/** It says less of the client than the others, and its errors are other ones: test/http-proxy-middleware.test.ts has all of it. */
function testMovedProgram(folder: () => string): void {
  const app = new UpstreamApp();

  test("serves as before", async () => {
    await app.start();
    const running = new Running(folder(), ["http-proxy-middleware.ts"], app.url);
    try {
      const port = await running.port();
      const json = { fields: { "Content-Type": "application/json" }, body: Buffer.from('{ "name": "Zoë" }') };
      const { headers: got, body } = await exchange(port, { path: "/api/v1/seen", ...json });
      assert.equal(got["x-proxied"], "1");
      const { url, headers, body: received }: Seen = JSON.parse(body.toString());
      assert.deepEqual([url, headers["x-asked-for"], headers["x-forwarded-for"]], ["/seen", "/api/v1/seen", "127.0.0.1"]);
      assert.deepEqual(JSON.parse(received), { name: "Zoë" });
      assert.equal((await exchange(port, { path: "/about", method: "GET" })).body.toString(), "about, by Express\n");
      const client = await RawClient.connect(port);
      client.send(handshake("/api/v1/socket"));
      await client.until(({ received: text }) => text.includes("\r\n\r\n"), "the switch");
      client.send("hello");
      await client.until(({ received: text }) => text.endsWith("hello"), "the echo");
      client.destroy();
      const ended = once(running.child, "exit", { signal: AbortSignal.timeout(PATIENCE_MS) });
      running.child.kill("SIGTERM");
      assert.deepEqual(await ended, [0, null], running.printed.text);
    } finally {
      running.child.kill("SIGKILL");
      app.close();
    }
  });
}

function testProgram(folder: () => string, { name, command, base, seenBase, own, exitCode }: Program): void {
  const app = new UpstreamApp();
  let running: Running;
  let port: number;

  before(async () => {
    await app.start();
    running = new Running(folder(), command, app.url);
    port = await running.port();
  });

  after(() => {
    running.child.kill("SIGKILL");
    app.close();
  });

  const seen = async (what: Omit<Asked, "path">): Promise<Seen> =>
    JSON.parse((await exchange(port, { ...what, path: `${base}/seen` })).body.toString());

  test("the upstream gets the request as the client sent it, and the client its response", async () => {
    const fields = ["X-Forwarded-For: 6.6.6.6", "X-Mixed-Case: 1", "Connection: close, X-Hop", "X-Hop: 1"];
    const response = await ask(port, get(`${base}/a%2Fb/seen?q=%20`, fields, "localhost"));
    assert.equal(response.status, 299);
    assert.deepEqual(response.fields.get("set-cookie"), ["a=1", "b=2"]);
    // Vite allows local pages of other ports to read its answers.
    assert.equal(response.fields.get("vary")?.join(", "), name === "vite" ? "Origin, Accept-Encoding" : "Accept-Encoding");
    const { method, url, headers }: Seen = JSON.parse(response.body);
    assert.deepEqual({ method, url }, { method: "GET", url: `${seenBase}/a%2Fb/seen?q=%20` });
    assert.equal(headers["x-mixed-case"], "1");
    assert.equal(headers["x-hop"], undefined);
    assert.equal(headers["x-forwarded-for"], "127.0.0.1");
    assert.equal(headers["x-forwarded-proto"], "http");
    assert.equal(headers["x-forwarded-host"], "localhost");
  });

  test("a large body streams up and down again", async () => {
    const body = randomBytes(8 * 1024 * 1024);
    const hash = createHash("sha256").update(body).digest("hex");
    const up = await exchange(port, { path: `${base}/hash`, fields: { "Content-Length": String(body.length) }, body });
    assert.equal(up.body.toString(), hash);
    const both = await exchange(port, { path: `${base}/echo`, body });
    assert.equal(createHash("sha256").update(both.body).digest("hex"), hash);
  });

  test("JSON arrives, whoever has parsed it before", async () => {
    const json = '{ "name": "Zoë", "list": [1, 2] }';
    const { headers, body } = await seen({ fields: { "Content-Type": "application/json" }, body: Buffer.from(json) });
    assert.equal(headers["content-type"], "application/json");
    assert.deepEqual(JSON.parse(body), JSON.parse(json));
    const coded = await seen({
      fields: { "Content-Type": "application/json", "Content-Encoding": "gzip" },
      body: gzipSync(json),
    });
    // Express's parser undoes the coding; the others pass it on.
    assert.equal(coded.headers["content-encoding"], name === "express" ? undefined : "gzip");
    if (name === "express") assert.deepEqual(JSON.parse(coded.body), JSON.parse(json));
  });

  test("events arrive one by one", async () => {
    const held = app.nextHeld();
    const request = http.get({ port, host: "127.0.0.1", path: `${base}/held`, agent: false });
    const responded = once(request, "response", { signal: AbortSignal.timeout(PATIENCE_MS) });
    (await held).write("data: 1\n\n");
    const [response] = (await responded) as [http.IncomingMessage];
    const pieces = response.setEncoding("utf8")[Symbol.asyncIterator]() as AsyncIterator<string>;
    assert.equal((await pieces.next()).value, "data: 1\n\n");
    (await held).write("data: 2\n\n");
    assert.equal((await pieces.next()).value, "data: 2\n\n");
    (await held).end();
    assert.equal((await pieces.next()).done, true);
  });

  test("what the proxy does not take is the framework's own", async () => {
    const [target, body] = own;
    const response = await exchange(port, { path: target, method: "GET", fields: { Accept: "text/html" } });
    assert.equal(response.status, 200);
    assert.match(response.body.toString(), body);
  });

  for (const what of ["silent", "held"]) {
    test(`a client that leaves ends its request upstream: /${what}`, async () => {
      const held = app.nextHeld();
      const client = await RawClient.connect(port);
      client.send(get(`${base}/${what}`, [], "localhost"));
      const response = await held;
      const closed = once(response, "close", { signal: AbortSignal.timeout(PATIENCE_MS) });
      if (what === "held") {
        response.write("data: 1\n\n");
        await client.until(({ received }) => received.includes("data: 1"), "the beginning");
      }
      client.destroy();
      await closed;
      assert.equal(response.writableFinished, false);
    });
  }

  test("a response that breaks off upstream does not look complete", async () => {
    const held = app.nextHeld();
    const client = await RawClient.connect(port);
    client.send(get(`${base}/held`, [], "localhost"));
    (await held).write("begun");
    await client.until(({ received }) => received.includes("begun\r\n"), "the beginning");
    (await held).destroy();
    await client.end();
    assert.match(client.received, /\r\n5\r\nbegun\r\n$/);
    client.destroy();
  });

  test("a WebSocket echoes", async () => {
    const client = await RawClient.connect(port);
    client.send(handshake(`${base}/socket`));
    await client.until(({ received }) => received.includes("\r\n\r\n"), "the switch");
    assert.match(client.received, /^HTTP\/1\.1 101 [^]*\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
    client.received = "";
    client.send("hello");
    await client.until(({ received }) => received === "hello", "the echo");
    client.socket.end();
    await client.end();
    client.destroy();
  });

  if (name === "vite") {
    test("Vite's own WebSocket stays Vite's", async () => {
      const client = await RawClient.connect(port);
      client.send(handshake("/", ["Sec-WebSocket-Protocol: vite-ping"]));
      await client.until(({ received }) => received.includes("\r\n\r\n"), "the switch");
      assert.match(client.received, /^HTTP\/1\.1 101 [^]*\r\nSec-WebSocket-Protocol: vite-ping\r\n/);
      client.destroy();
    });
  }

  test("a dead upstream is 502, and SIGTERM ends the proxy and the program in order", async () => {
    const held = app.nextHeld();
    const inFlight = exchange(port, { path: `${base}/held`, method: "GET" }).then(
      ({ body }) => body.toString(),
      () => "cut",
    );
    (await held).write("begun ");
    app.die();
    const { status, headers, body } = await exchange(port, { path: `${base}/seen`, method: "GET" });
    assert.equal(status, 502);
    assert.equal(headers["proxy-status"], "millrace; error=connection_refused");
    assert.match(body.toString(), /^502 Bad Gateway: /);
    const ended = once(running.child, "exit", { signal: AbortSignal.timeout(PATIENCE_MS) });
    running.child.kill("SIGTERM");
    await running.prints((printed) => printed.events("draining").length > 0, "the beginning of the end");
    (await held).end("ended");
    // Vite cuts its connections at once.
    assert.equal(await inFlight, name === "vite" ? "cut" : "begun ended");
    assert.deepEqual(await ended, [exitCode, null], running.printed.text);
    await running.prints((printed) => printed.events("drained").length > 0, "the end of the proxy");
  });
}

/** A program of the examples in a process of its own. */
class Running {
  readonly child: ChildProcess;
  readonly printed: Printed = new Printed(() => this.onPrinted());
  private onPrinted: () => void = () => {};

  constructor(cwd: string, command: readonly string[], origin: string) {
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    const env = { ...environment, ORIGIN: origin, PORT: "0", NO_COLOR: "1" };
    // Vite ends when its standard input does.
    this.child = spawn(process.execPath, command, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
    this.printed.read(this.child.stdout);
    this.printed.read(this.child.stderr);
    this.child.on("exit", () => this.onPrinted());
  }

  async port(): Promise<number> {
    const pattern = /127\.0\.0\.1(?:'.*port)?: ?(\d+)/;
    await this.prints(({ text }) => pattern.test(text), "the port");
    return Number(pattern.exec(this.printed.text)?.[1]);
  }

  async prints(condition: (printed: Printed) => boolean, what: string): Promise<void> {
    const look = (): boolean => {
      if (condition(this.printed)) return true;
      assert.equal(this.child.exitCode, null, `ended without ${what}: ${this.printed.text}`);
      return false;
    };
    const subscribe = (onPrinted: () => void): (() => void) => {
      this.onPrinted = onPrinted;
      return () => (this.onPrinted = () => {});
    };
    await eventually(look, subscribe, PATIENCE_MS, () => `waited in vain for ${what}: ${this.printed.text}`);
  }
}

interface Asked {
  readonly path: string;
  /** Default: POST. */
  readonly method?: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** Without a Content-Length in `fields` it is sent in chunks. */
  readonly body?: Buffer;
}

interface Got {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request on a connection of its own. Reads the response while it sends the body. */
async function exchange(port: number, { path, method = "POST", fields = {}, body }: Asked): Promise<Got> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const request = http.request({ host: "127.0.0.1", port, path, method, headers: fields, agent: false, signal });
  const responded = once(request, "response");
  const sent = body === undefined ? request.end() : pipeline(Readable.from(piecesOf(body)), request);
  const [response] = (await responded) as [http.IncomingMessage];
  const got = await buffer(response);
  await sent;
  return { status: response.statusCode ?? 0, headers: response.headers, body: got };
}

function* piecesOf(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += PIECE) yield body.subarray(at, at + PIECE);
}

function handshake(target: string, fields: readonly string[] = []): string {
  const all = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...fields,
  ];
  // Vite answers only to names that it knows.
  return get(target, all, "localhost");
}
