/** Listeners that reloads add and remove: the real command. What becomes of their connections in detail: reload.test.ts. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { freePort } from "../support/free-port.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { RawClient, ask, get } from "../support/raw-client.ts";
import { answerOk, startRawOrigin } from "../support/raw-origin.ts";
import type { OriginRequest } from "../support/raw-origin.ts";

interface Setting {
  readonly proxy: Millrace;
  /** The first request for /slow, which waits for its answer. */
  readonly slow: Promise<OriginRequest>;
  /** A folder for sockets. */
  readonly folder: string;
  /** The configuration with further listeners at these addresses. */
  config(...addresses: readonly string[]): string;
  /** Asks for a reload that is refused, and resolves with the log's lines about it. */
  refused(config: string): Promise<string>;
}

async function setting(t: TestContext): Promise<Setting> {
  const { promise: slow, resolve: onSlow } = Promise.withResolvers<OriginRequest>();
  const origin = await startRawOrigin({
    onRequest: (request) => (request.head.startsWith("GET /slow ") ? onSlow(request) : answerOk(request)),
  });
  t.after(() => origin.close());
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-listeners-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const config = (...addresses: readonly string[]): string => `
listeners: [${["127.0.0.1:0", ...addresses].map((address) => `{ address: "${address}" }`).join(", ")}]
workers: 2
upstreams: { app: { endpoints: ["${origin.url}"] } }
routes: [{ upstream: app }]
`;
  const proxy = await startMillrace(config());
  t.after(() => proxy.stop());
  const refused = async (text: string): Promise<string> => {
    const before = proxy.output().length;
    await writeFile(proxy.configFile, text);
    proxy.process.kill("SIGHUP");
    await proxy.until((output) => output.slice(before).includes("the old configuration stays in use"), "the refusal");
    return proxy.output().slice(before);
  };
  return { proxy, slow, folder, config, refused };
}

async function askPath(file: string, request: string): Promise<number> {
  const client = await RawClient.connectPath(file);
  client.send(request);
  const { status } = await client.response();
  client.destroy();
  return status;
}

/** The system's word for what became of an attempt to connect. */
function attempt(to: net.NetConnectOpts): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(to, () => resolve("connected"));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
    socket.on("close", () => resolve("closed"));
    socket.on("connect", () => socket.destroy());
  });
}

test("a listener comes and goes, its requests in flight end, and the others lose no connection", { timeout: 60_000 }, async (t) => {
  const { proxy, slow, folder, config } = await setting(t);
  const stays = await RawClient.connect(proxy.port);
  t.after(() => stays.destroy());
  let asked = 0;
  const stillThere = async (): Promise<void> => {
    stays.send(get("/"));
    assert.equal((await stays.responses(++asked)).at(-1)?.status, 200);
  };
  await stillThere();
  const port = await freePort();
  const file = path.join(folder, "a.sock");
  const started = proxy.count("listening");
  await proxy.reload(config(`127.0.0.1:${port}`, `unix:${file}`));
  assert.equal(proxy.count("listening") - started, 2);
  assert.ok(proxy.output().includes(`listening on http://127.0.0.1:${port}"`));
  assert.equal(proxy.count("listen_by_one_worker"), 1, "the Unix socket");
  assert.equal((await ask(port, get("/"))).status, 200);
  assert.equal(await askPath(file, get("/")), 200);
  await stillThere();

  const busy = await RawClient.connect(port);
  t.after(() => busy.destroy());
  busy.send(get("/slow"));
  const idle = await RawClient.connectPath(file);
  t.after(() => idle.destroy());
  idle.send(get("/"));
  await idle.response();
  const request = await slow;
  await proxy.reload(config());
  assert.equal(proxy.count("listener_closed"), 2);
  assert.ok(proxy.output().includes(`no longer listening on unix:${file}`));
  assert.equal(await attempt({ port, host: "127.0.0.1" }), "ECONNREFUSED");
  assert.equal(await attempt({ path: file }), "ENOENT");
  assert.ok(!existsSync(file));
  await idle.end();

  // Opened again while the connections from before are still ending.
  await proxy.reload(config(`127.0.0.1:${port}`, `unix:${file}`));
  assert.equal((await ask(port, get("/"))).status, 200);
  assert.equal(await askPath(file, get("/")), 200);
  answerOk(request);
  const answer = await busy.response();
  assert.deepEqual([answer.status, answer.body, answer.fields.get("connection")], [200, "ok", ["close"]]);
  await busy.end();
  await stillThere();
  for (const client of [busy, idle, stays]) client.destroy();
  assert.equal(await proxy.stop(), 0);
});

test("a listener that cannot be opened refuses the reload, and nothing of it is applied", { timeout: 60_000 }, async (t) => {
  const { proxy, config, refused } = await setting(t);
  const taken = net.createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await new Promise((listening) => taken.once("listening", listening));
  const { port } = taken.address() as net.AddressInfo;
  const free = await freePort();
  const output = await refused(config(`127.0.0.1:${free}`, `127.0.0.1:${port}`));
  assert.ok(output.includes(`listeners.#3.address: cannot listen on 127.0.0.1:${port}: the address is in use (EADDRINUSE)`), output);
  assert.equal(await attempt({ port: free, host: "127.0.0.1" }), "ECONNREFUSED");
  assert.equal((await ask(proxy.port, get("/"))).status, 200);
  assert.match(await refused(config("fd:77")), /listeners\.#2\.address: cannot listen on fd:77: the file descriptor is not open/);
  // A number below twenty is a socket of the process's own: an endpoint's, a client's or the listener itself.
  const own = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(proxy.port)));
  for (const client of own) client.send(get("/"));
  await Promise.all(own.map((client) => client.response()));
  const addresses = Array.from({ length: 60 }, (_, index) => `fd:${index + 3}`);
  let socketsMet = 0;
  for (const address of addresses) {
    const why = await refused(config(address));
    if (/none was handed over under this number/.test(why)) socketsMet++;
    else assert.match(why, /is not open|is not a socket/);
    if (socketsMet > 2) break;
  }
  assert.ok(socketsMet > 0, "no descriptor was a socket");
  for (const client of own) {
    client.send(get("/"));
    await client.responses(2);
    client.destroy();
  }
  assert.equal(await proxy.stop(), 0);
});

test("an address that the process itself has changes hands in two reloads, and the refusal says so", { timeout: 60_000 }, async (t) => {
  const { proxy, config, refused } = await setting(t);
  const [one, two, three] = [await freePort(), await freePort(), await freePort()];
  const withAdmin = (admin: string, ...addresses: readonly string[]): string => `${config(...addresses)}admin: { address: "${admin}" }\n`;
  const own = (address: string, key: string): string => `until the reload is over this process itself listens on ${address} (${key} of`;
  await proxy.reload(withAdmin(`127.0.0.1:${one}`, `127.0.0.1:${two}`));
  const why = await refused(withAdmin(`:${one}`, `127.0.0.1:${two}`));
  assert.ok(why.includes(`admin: cannot listen on :${one}: the address is in use (EADDRINUSE): `), why);
  assert.ok(why.includes(own(`127.0.0.1:${one}`, "admin.address")), why);
  const onto = await refused(withAdmin(`127.0.0.1:${two}`));
  assert.ok(onto.includes(own(`127.0.0.1:${two}`, "listeners.#2.address")), onto);
  const from = await refused(withAdmin(`127.0.0.1:${three}`, `127.0.0.1:${one}`));
  assert.ok(from.includes(own(`127.0.0.1:${one}`, "admin.address")), from);
  await proxy.reload(withAdmin(`127.0.0.1:${three}`));
  await proxy.reload(withAdmin(`127.0.0.1:${two}`, `127.0.0.1:${one}`));
  assert.equal((await ask(one, get("/"))).status, 200);
  assert.equal((await ask(two, get("/readyz"))).status, 200);
  assert.equal(await proxy.stop(), 0);
});

/** Moves the file away and listens in its place, as another program would. */
async function takeOver(t: TestContext, file: string): Promise<void> {
  renameSync(file, `${file}.moved`);
  const other = net.createServer((socket) => socket.on("error", () => {}).destroy()).listen({ path: file });
  await new Promise((listening) => other.once("listening", listening));
  t.after(() => other.close());
}

test("a socket file that another program has by now stays", { timeout: 60_000 }, async (t) => {
  const { proxy, folder, config } = await setting(t);
  const files = ["removed", "ended"].map((name) => path.join(folder, name));
  const [removed = "", ended = ""] = files;
  await proxy.reload(config(`unix:${removed}`, `unix:${ended}`));
  for (const file of files) {
    assert.equal(await askPath(file, get("/")), 200);
    await takeOver(t, file);
  }
  await proxy.reload(config(`unix:${ended}`));
  assert.equal(await attempt({ path: removed }), "connected");
  assert.equal(await proxy.stop(), 0);
  assert.equal(await attempt({ path: ended }), "connected");
  const names = [...files, ...files.map((file) => `${file}.moved`)].map((file) => path.basename(file));
  assert.deepEqual(readdirSync(folder).sort(), names.sort(), "nothing else is left behind");
});

test("a second signal leaves no socket file", { timeout: 60_000 }, async (t) => {
  const { proxy, slow, folder, config } = await setting(t);
  const file = path.join(folder, "a");
  await proxy.reload(config(`unix:${file}`));
  const client = await RawClient.connectPath(file);
  t.after(() => client.destroy());
  client.send(get("/slow"));
  await slow;
  proxy.process.kill("SIGTERM");
  await proxy.until((output) => output.includes('"event":"draining"'), "the drain");
  assert.equal(await proxy.stop(), 143);
  assert.deepEqual(readdirSync(folder), []);
});

test("a reload and the end of the process at once: the process ends in order", { timeout: 60_000 }, async (t) => {
  const { proxy, config } = await setting(t);
  const port = await freePort();
  await writeFile(proxy.configFile, config(`127.0.0.1:${port}`));
  proxy.process.kill("SIGHUP");
  assert.equal(await proxy.stop(), 0);
  assert.equal(await attempt({ port, host: "127.0.0.1" }), "ECONNREFUSED");
});
