/**
 * What many connections do at once: the proxy is stopped while bytes arrive, and finds all of them in one turn of its event loop.
 * Small writes wait for the end of such a turn, and nothing may be lost or mixed up meanwhile.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import type { Millrace } from "./support/millrace.ts";
import { RawClient, get, parseResponses } from "./support/raw-client.ts";
import type { RawResponse } from "./support/raw-client.ts";
import { answerOk, startRawOrigin } from "./support/raw-origin.ts";
import type { OnRequest, OriginRequest, RawOrigin } from "./support/raw-origin.ts";
import { untilStill } from "./support/still.ts";

const CLIENTS = 40;
/** So many requests wait together, or less 16 which do not wait after a quiet turn: see src/net/buffers/write-batch.ts. */
const WAITING_CLIENTS = 30;
const WAITING_MIN = 14;
const OPTIONS = { timeout: 60_000, skip: process.platform === "linux" ? false : "it looks into /proc" };

interface Scene {
  readonly t: TestContext;
  readonly name: Name;
  readonly proxy: Millrace;
  /** The one that the clients are connected to. */
  readonly port: number;
  readonly origin: RawOrigin;
  readonly clients: readonly RawClient[];
  /** The requests that await their answers. */
  readonly awaiting: OriginRequest[];
}

/** Of each test, its upstream: in requests as the host `NAME.test`. */
const NAMES = ["unasked", "client-ends", "refused", "pipelined", "resets", "unread"] as const;
type Name = (typeof NAMES)[number];

let shared: Promise<{
  readonly proxy: Millrace;
  readonly origins: ReadonlyMap<Name, RawOrigin>;
  readonly ports: readonly number[];
}> | null = null;
const onRequests: Map<Name, OnRequest> = new Map();

/** A proxy of one worker for all tests. Its second listener takes long pipelines. */
function stage(): NonNullable<typeof shared> {
  return (shared ??= (async () => {
    const origins = await Promise.all(
      NAMES.map(async (name) => [name, await startRawOrigin({ onRequest: (request) => onRequests.get(name)?.(request) })] as const),
    );
    const proxy = await startMillrace(`
listeners:
  - { address: "127.0.0.1:0" }
  - { address: "127.0.0.1:0", limits: { pipelined_requests: 10000, requests_per_connection: 10000 } }
workers: 1
upstreams:
${origins.map(([name, { url }]) => `  ${name}: { endpoints: ["${url}"] }`).join("\n")}
routes:
${NAMES.map((name) => `  - { match: { host: ${name}.test }, upstream: ${name} }`).join("\n")}
logging: { level: warn, access: true }
`);
    const ports = (): number[] => [...proxy.output().matchAll(/listening on http:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
    await proxy.until(() => ports().length === 2, "both listeners");
    return { proxy, origins: new Map(origins), ports: ports() };
  })());
}

after(async () => {
  if (shared === null) return;
  const { proxy, origins } = await shared;
  await proxy.stop();
  await Promise.all([...origins.values()].map((origin) => origin.close()));
});

/** Clients of the proxy, and the origin that the requests with this name go to. */
async function running(
  t: TestContext,
  name: Name,
  onRequest: OnRequest,
  count: number,
  listener: 0 | 1 = 0,
): Promise<Omit<Scene, "awaiting">> {
  const { proxy, origins, ports } = await stage();
  const [origin, port] = [origins.get(name), ports[listener]];
  assert.ok(origin !== undefined && port !== undefined);
  onRequests.set(name, onRequest);
  const clients = await Promise.all(Array.from({ length: count }, () => RawClient.connect(port)));
  t.after(() => clients.forEach((client) => client.destroy()));
  return { t, name, proxy, port, origin, clients };
}

/** Clients that each had an answer, over a connection to the origin of its own. */
async function scene(t: TestContext, name: Name, count: number = CLIENTS): Promise<Scene> {
  const awaiting: OriginRequest[] = [];
  const { clients, ...others } = await running(t, name, (request) => void awaiting.push(request), count);
  clients.forEach((client, index) => client.send(request(name, `/first/${index}`)));
  await until(t, () => awaiting.length === count, "all first requests");
  for (const first of awaiting.splice(0)) answerOk(first);
  await Promise.all(clients.map((client) => client.responses(1)));
  for (const client of clients) client.received = "";
  return { ...others, clients, awaiting };
}

function request(name: Name, path: string, fields: readonly string[] = []): string {
  return get(path, fields, `${name}.test`);
}

/** What `arrive` sends is all there before the proxy sees any of it. */
async function inOneTurn({ t, proxy, port, origin }: Scene, arrive: () => void | Promise<void>): Promise<void> {
  const { pid } = proxy.process;
  assert.ok(pid !== undefined);
  proxy.process.kill("SIGSTOP");
  try {
    await until(t, () => threadStates(pid).every((state) => state === "T"), "all threads of the proxy to stand still");
    await arrive();
    await until(t, () => isAllDelivered([port, origin.port]), "the kernel to deliver what was sent");
  } finally {
    proxy.process.kill("SIGCONT");
  }
}

/** One that is not stopped yet may already hold a part of what arrives, as a turn of its own. */
function threadStates(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map((id) => /\) (\S) /.exec(readFileSync(`/proc/${pid}/task/${id}/stat`, "latin1"))?.[1] ?? "");
}

/** No connection to or from these ports has bytes, or an end, that the kernel of the other side has not acknowledged. */
function isAllDelivered(ports: readonly number[]): boolean {
  const connections = readFileSync("/proc/net/tcp", "latin1").matchAll(/^ *\d+: \w+:(\w+) \w+:(\w+) \w+ (\w+):/gm);
  return [...connections].every(([, local = "", remote = "", unacknowledged = ""]) => {
    return parseInt(unacknowledged, 16) === 0 || ![local, remote].some((port) => ports.includes(parseInt(port, 16)));
  });
}

/** Without the interim ones: on a busy machine a client that has ended its side is asked by them whether it is still there. */
function finalOf(received: string): RawResponse[] {
  return parseResponses(received, true).filter(({ status }) => status >= 200);
}

async function until(t: TestContext, condition: () => boolean, what: string): Promise<void> {
  await t.waitFor(() => assert.ok(condition(), `waited in vain for ${what}`), { interval: 5, timeout: 20_000 });
}

/** Has every client ask, and the origin wait with its answers. */
async function askAll({ t, name, clients, awaiting }: Scene): Promise<void> {
  clients.forEach((client, index) => client.send(request(name, `/second/${index}`)));
  await until(t, () => awaiting.length === CLIENTS, "all second requests");
}

function ok(client: RawClient): boolean {
  const [response] = parseResponses(client.received, client.closed);
  return response?.status === 200 && response.body === "ok";
}

test("unasked responses on idle connections are nobody's answer while the requests wait", OPTIONS, async (t) => {
  const all = await scene(t, "unasked", WAITING_CLIENTS);
  const { name, clients, origin, awaiting } = all;
  await inOneTurn(all, () => {
    clients.forEach((client, index) => client.send(request(name, `/second/${index}`)));
    for (const socket of origin.connections) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled");
  });
  const answered = new Set<OriginRequest>();
  await until(
    t,
    () => {
      for (const request of awaiting) {
        if (answered.has(request)) continue;
        answered.add(request);
        answerOk(request);
      }
      return clients.every(({ received }) => parseResponses(received, false).length === 1);
    },
    "an answer for everyone",
  );
  assert.ok(clients.filter(ok).length >= WAITING_MIN, `${clients.filter(ok).length} clients had the origin's answer`);
});

test("an answer that waits is not lost to the client's FIN behind it", OPTIONS, async (t) => {
  const all = await scene(t, "client-ends");
  const { clients, awaiting } = all;
  await askAll(all);
  await inOneTurn(all, async () => {
    for (const request of awaiting) answerOk(request);
    await Promise.all(clients.map(({ socket }) => new Promise<void>((resolve) => socket.end(resolve))));
  });
  await Promise.all(clients.map((client) => client.end()));
  assert.deepEqual(
    clients.map(({ received, error }) => [error, parseResponses(received, true).map(({ body }) => body)]),
    clients.map(() => ["", ["ok"]]),
  );
});

test("an answer that waits comes before the refusal of what its client sent behind it", OPTIONS, async (t) => {
  const all = await scene(t, "refused");
  const { clients, awaiting } = all;
  await askAll(all);
  await inOneTurn(all, () => {
    for (const request of awaiting) answerOk(request);
    for (const client of clients) client.send("no request\r\n\r\n");
  });
  await Promise.all(clients.map((client) => client.end()));
  assert.deepEqual(
    clients.map(({ received }) => parseResponses(received, true).map(({ status }) => status)),
    clients.map(() => [200, 400]),
  );
});

test("the last of pipelined answers is not lost when all of them wait and the client has ended", OPTIONS, async (t) => {
  const all = await scene(t, "pipelined");
  const { name, clients, awaiting } = all;
  for (const client of clients) client.socket.end(request(name, "/second") + request(name, "/third"));
  await until(t, () => awaiting.length === CLIENTS, "all second requests");
  for (const request of awaiting.splice(0)) answerOk(request);
  await until(t, () => awaiting.length === CLIENTS, "all third requests");
  await inOneTurn(all, () => {
    for (const request of awaiting) answerOk(request);
  });
  await Promise.all(clients.map((client) => client.end()));
  assert.deepEqual(
    clients.map(({ received, error }) => [error, finalOf(received).map(({ body }) => body)]),
    clients.map(() => ["", ["ok", "ok"]]),
  );
});

test("requests that wait when their clients reset cost nobody else anything", OPTIONS, async (t) => {
  const all = await scene(t, "resets");
  const { name, clients, awaiting, proxy } = all;
  await askAll(all);
  const gone = clients.filter((_, index) => index % 2 === 0);
  const there = clients.filter((_, index) => index % 2 === 1);
  await inOneTurn(all, () => {
    for (const request of awaiting.splice(0)) answerOk(request);
    for (const client of there) client.send(request(name, "/third"));
    for (const client of gone) client.socket.resetAndDestroy();
  });
  await until(t, () => awaiting.length === there.length, "the third requests");
  for (const request of awaiting) answerOk(request);
  await Promise.all(there.map((client) => client.responses(2)));
  assert.ok(there.every(({ received }) => parseResponses(received, false).every(({ body }) => body === "ok")));
  const lines = (): number => proxy.access().filter(({ host }) => host === `${name}.test`).length;
  await proxy.until(() => lines() === 2 * CLIENTS + there.length, "a line for every exchange");
});

test("small answers to clients that do not read stop at what the system takes, and are all there later", OPTIONS, async (t) => {
  const body = "b".repeat(3000);
  let asked = 0;
  const onRequest = (each: OriginRequest): void => {
    if (each.head.startsWith("GET /still")) return answerOk(each);
    asked++;
    each.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  };
  const { name, port, clients } = await running(t, "unread", onRequest, 4, 1);
  const each = 4000;
  for (const client of clients) {
    client.socket.pause();
    client.send(request(name, "/").repeat(each - 1) + request(name, "/", ["Connection: close"]));
  }
  await untilStill(port, () => asked, 0, `${name}.test`);
  assert.ok(asked > 0 && asked < clients.length * each, `the origin was asked ${asked} times`);
  for (const client of clients) client.socket.resume();
  await Promise.all(clients.map((client) => client.end()));
  for (const { received } of clients) {
    const responses = parseResponses(received, false);
    assert.equal(responses.length, each);
    assert.ok(responses.every((response) => response.body === body));
  }
});
