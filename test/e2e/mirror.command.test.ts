/** `mirror` with the real command, threads and sockets: beside an upstream that does whatever hurts, each client gets its own bytes back. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { startMillrace } from "../support/millrace.ts";
import { Scrape } from "../support/scrape.ts";

const CLIENTS = 16;
const REQUESTS = 40;

async function listening(t: TestContext, server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Gives every body back. */
function echo(): Server {
  return http.createServer((request, response) => void request.pipe(response));
}

/** By turns: reads nothing, resets, says nothing, answers at once and before it has read anything. */
function whateverHurts(open: Set<Socket>): Server {
  let connections = 0;
  return net.createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    const way = connections++ % 4;
    if (way === 0) return void socket.pause();
    if (way === 3) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    socket.on("data", () => {
      if (way === 1) socket.resetAndDestroy();
    });
  });
}

test("beside an upstream that takes copies badly, every body comes back as it was sent", async (t) => {
  const open = new Set<Socket>();
  const [app, shadow] = await Promise.all([listening(t, echo()), listening(t, whateverHurts(open))]);
  t.after(() => open.forEach((socket) => socket.destroy()));
  const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
admin: { address: "127.0.0.1:0" }
upstreams:
  app: { endpoints: ["http://127.0.0.1:${app}"] }
  shadow: { endpoints: ["http://127.0.0.1:${shadow}"], timeouts: { response_head: 1s, idle: 1s } }
routes: [{ upstream: app, mirror: { upstream: shadow } }]
logging: { access: false }
`);
  t.after(() => proxy.stop());
  const agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });
  t.after(() => agent.destroy());
  const ask = async (body: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const request = http.request({ port: proxy.port, host: "127.0.0.1", method: "POST", path: "/", agent }, (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("end", () => resolve(Buffer.concat(pieces)));
        response.on("error", reject);
      });
      request.on("error", reject);
      request.end(body);
    });
  const client = async (): Promise<void> => {
    for (let at = 0; at < REQUESTS; at++) {
      const body = randomBytes([0, 10, 5000, 70_000, 400_000][at % 5] ?? 0);
      assert.ok((await ask(body)).equals(body));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const all = CLIENTS * REQUESTS;
  const scrape = await Scrape.until(
    proxy.adminPort,
    (each) => each.single("requests_mirrored") + each.single("mirrors_dropped") === all,
    (each) => `each copy is counted once: ${each.single("requests_mirrored")} and ${each.single("mirrors_dropped")} of ${all}`,
  );
  assert.ok(scrape.single("mirrors_dropped") > 0 && scrape.single("requests_mirrored") > 0);
  assert.deepEqual([scrape.single("exchanges_in_flight"), scrape.single("buffered_bytes")], [0, 0]);
  assert.equal(scrape.sum("millrace_requests_total"), all, "copies are no requests");
});
