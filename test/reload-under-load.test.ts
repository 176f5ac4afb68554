/**
 * What a large site asks of reloads: fifty of them add and remove routes, endpoints and a listener while about a thousand requests a second
 * pass and two hundred WebSockets echo. No request fails, no WebSocket is cut, nothing is left over, and each exchange is counted once.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { freePort } from "./support/free-port.ts";
import { startMillrace } from "./support/millrace.ts";
import { RawClient, ask, get } from "./support/raw-client.ts";
import { answerOk, startRawOrigin } from "./support/raw-origin.ts";
import type { RawOrigin } from "./support/raw-origin.ts";
import { Scrape } from "./support/scrape.ts";

const RELOADS = 50;
const CLIENTS = 12;
const WEBSOCKETS = 200;
/** So often each client that has its answer asks again, and two WebSockets are sent a word. */
const PACE_MS = 10;

const HANDSHAKE = get("/socket", [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
]);
/** With the answer that RFC 6455 section 1.3 gives for the key above. */
const SWITCH =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/** Echoes what comes after an upgrade, and answers all else with `ok`. */
function echoingOrigin(): Promise<RawOrigin> {
  return startRawOrigin({
    onHead: (head, socket) => {
      if (!head.startsWith("GET /socket ")) return false;
      socket.write(SWITCH);
      socket.on("data", (bytes: Buffer) => {
        if (!bytes.includes("Sec-WebSocket-Key")) socket.write(bytes);
      });
      return true;
    },
    onRequest: answerOk,
  });
}

class WebSocketClient {
  readonly client: RawClient;
  private sent: number = 0;

  private constructor(client: RawClient) {
    this.client = client;
  }

  static async connect(port: number): Promise<WebSocketClient> {
    const client = await RawClient.connect(port);
    client.send(HANDSHAKE);
    await client.until(({ received }) => received.includes("\r\n\r\n"), "the switch of protocols");
    assert.match(client.received, /^HTTP\/1\.1 101 /);
    client.received = "";
    return new WebSocketClient(client);
  }

  say(): void {
    this.client.send(`word ${this.sent++},`);
  }

  /** All that was said has come back, and nothing else. */
  async heard(): Promise<void> {
    const expected = Array.from({ length: this.sent }, (_, index) => `word ${index},`).join("");
    await this.client.until(({ received, ended, closed }) => ended || closed || received.length >= expected.length, "the echo");
    assert.equal(this.client.received, expected);
    assert.ok(!this.client.ended && !this.client.closed, "a WebSocket was cut");
  }
}

/** A connection that is kept alive, on which one request follows another. */
class Asker {
  answered: number = 0;
  readonly client: RawClient;
  private waits: boolean = false;
  private last: Promise<void> = Promise.resolve();

  constructor(client: RawClient) {
    this.client = client;
  }

  /** Asks if the answer to the last request is there. */
  ask(fail: (problem: unknown) => void): void {
    if (!this.waits) this.last = this.request().catch(fail);
  }

  async request(): Promise<void> {
    this.waits = true;
    this.client.received = "";
    this.client.send(get(this.answered % 3 === 0 ? "/always/there" : "/"));
    await this.client.until(({ received, ended, closed }) => received.endsWith("ok") || ended || closed, "an answer");
    const { received } = this.client;
    assert.ok(received.startsWith("HTTP/1.1 200 ") && received.endsWith("\r\n\r\nok"), `a request failed: ${JSON.stringify(received)}`);
    assert.ok(!/\nConnection: close/i.test(received), "a connection was given up");
    this.answered++;
    this.waits = false;
  }

  /** So many further answers have come. */
  async more(count: number): Promise<void> {
    const target = this.answered + count;
    // The last of them is counted a moment after it was read.
    await this.client.until(({ ended, closed }) => this.answered >= target - 1 || ended || closed, "further answers");
  }

  async idle(): Promise<void> {
    await this.last;
  }
}

const openDescriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

test("fifty reloads under load lose nothing and leave nothing behind", { timeout: 60_000 }, async (t) => {
  const [first, second] = await Promise.all([echoingOrigin(), echoingOrigin()]);
  const comesAndGoes = await freePort();
  const config = (round: number): string => `
listeners:
  - { address: "127.0.0.1:0" }
${round % 2 === 1 ? `  - { address: "127.0.0.1:${comesAndGoes}", limits: { headers: ${100 + round} } }\n` : ""}
workers: 2
upstreams:
  app: { endpoints: ["${first.url}"${round % 3 === 0 ? "" : `, "${second.url}"`}] }
  other: { endpoints: ["${(round % 4 < 2 ? first : second).url}"] }
routes:
${round % 5 === 0 ? "" : `  - { match: { path: /of-${round}/* }, upstream: other }\n`}
  - { match: { path: /always/* }, upstream: other }
  - { upstream: app }
admin: { address: "127.0.0.1:0" }
`;
  const proxy = await startMillrace(config(0));
  t.after(() => proxy.stop());
  t.after(() => Promise.all([first.close(), second.close()]));
  const countsDescriptors = process.platform === "linux";
  const pid = proxy.process.pid ?? assert.fail("the proxy has no process");
  await Scrape.of(proxy.adminPort);
  const descriptorsBefore = countsDescriptors ? openDescriptors(pid) : 0;

  const sockets = await Promise.all(Array.from({ length: WEBSOCKETS }, () => WebSocketClient.connect(proxy.port)));
  const askers = await Promise.all(Array.from({ length: CLIENTS }, async () => new Asker(await RawClient.connect(proxy.port))));
  const problems: unknown[] = [];
  let turn = 0;
  const load = setInterval(() => {
    for (const asker of askers) asker.ask((problem) => problems.push(problem));
    for (let count = 0; count < 2; count++) sockets[turn++ % WEBSOCKETS]?.say();
  }, PACE_MS);
  t.after(() => clearInterval(load));

  let asked = 0;
  const startedAt = performance.now();
  for (let round = 1; round <= RELOADS; round++) {
    await writeFile(proxy.configFile, config(round));
    proxy.process.kill("SIGHUP");
    await proxy.until(() => proxy.count("config_reloaded") === round, `reload ${round}`);
    await Promise.all(askers.map((asker) => asker.more(4)));
    assert.deepEqual(problems, [], `in round ${round}`);
    if (round % 2 === 1) {
      assert.equal((await ask(comesAndGoes, get(`/of-${round}/`))).status, 200);
      asked++;
    } else await assert.rejects(RawClient.connect(comesAndGoes), { code: "ECONNREFUSED" });
  }
  const seconds = (performance.now() - startedAt) / 1000;
  clearInterval(load);
  for (const asker of askers) await asker.idle();
  for (const socket of sockets) socket.say();
  for (const socket of sockets) await socket.heard();
  assert.deepEqual(problems, []);

  const answered = askers.reduce((sum, asker) => sum + asker.answered, asked);
  t.diagnostic(`${answered} requests, ${Math.round(answered / seconds)} a second, in ${seconds.toFixed(1)} s`);
  assert.ok(answered > 10 * RELOADS, `only ${answered} requests were answered`);
  for (const { client } of [...sockets, ...askers]) client.destroy();
  // Connections to endpoints idle on: their ends go, and with them the connections.
  const gone = (scrape: Scrape): boolean =>
    ["connections_open", "exchanges_in_flight", "tunnels_open"].every((gauge) => scrape.single(gauge) === 0) &&
    scrape.sum("millrace_requests_total") >= answered + WEBSOCKETS;
  await Scrape.until(proxy.adminPort, gone, "every exchange to be over and counted");
  await Promise.all([first.close(), second.close()]);
  const scrape = await Scrape.until(proxy.adminPort, (each) => each.single("upstream_connections_open") === 0, "closed pools");
  assert.deepEqual(
    [scrape.sum("millrace_requests_total"), scrape.sum("millrace_requests_total", 'class="2xx"'), scrape.single("tunnels_opened")],
    [answered + WEBSOCKETS, answered, WEBSOCKETS],
  );
  assert.equal(scrape.sum("millrace_request_duration_seconds_count"), answered + WEBSOCKETS);
  assert.equal(scrape.sum("millrace_endpoint_in_flight"), 0);
  await proxy.until(() => proxy.count("access") >= answered + WEBSOCKETS, "the log lines");
  assert.equal(proxy.count("access"), answered + WEBSOCKETS);
  assert.deepEqual([proxy.count("listener_closed"), proxy.count("config_refused"), proxy.count("worker_exited")], [RELOADS / 2, 0, 0]);
  if (countsDescriptors) {
    const left = (): number => openDescriptors(pid) - descriptorsBefore;
    // The scrape's own connection may not be closed yet.
    for (const deadline = performance.now() + 5000; left() > 0 && performance.now() < deadline;) await new Promise(setImmediate);
    assert.ok(left() <= 0, `${left()} descriptors are left over`);
  }
  assert.equal(await proxy.stop(), 0);
});
