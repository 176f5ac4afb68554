/** The end of a client's connection: nothing of its last answer is lost, and it is not kept longer than needed. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import type { Millrace } from "./support/millrace.ts";
import { RawClient, ask, get } from "./support/raw-client.ts";
import { startRawOrigin } from "./support/raw-origin.ts";
import type { RawOrigin } from "./support/raw-origin.ts";
import { Scrape } from "./support/scrape.ts";

/** Answers `/SIZE` with so many bytes. */
let origin: RawOrigin;
let proxy: Millrace;

before(async () => {
  origin = await startRawOrigin({
    onRequest: ({ head, socket }) => {
      const size = Number(/^\w+ \/(\d+) /.exec(head)?.[1]);
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      socket.write(Buffer.alloc(size, "x"));
    },
  });
  proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
admin: { address: "127.0.0.1:0" }
workers: 1
upstreams: { app: { endpoints: ["${origin.url}"] } }
routes: [{ upstream: app }]
logging: { level: warn, access: true }
`);
});

after(async () => {
  await proxy.stop();
  await origin.close();
});

const SIZE = 1_000_000;
const LATE: readonly (readonly [what: string, request: string, more: string])[] = [
  [
    "a line more than it says, behind a POST",
    `POST /${SIZE} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    "\r\n",
  ],
  ["a body that it did not announce", `POST /${SIZE} HTTP/1.0\r\nHost: a\r\n\r\n`, "a=1"],
];

for (const [what, request, more] of LATE) {
  test(`a client that sends ${what}, and reads late, gets its whole answer`, { timeout: 60_000 }, async () => {
    const before = proxy.access().length;
    const client = await RawClient.connect(proxy.port);
    client.socket.pause();
    client.send(request);
    await proxy.until(() => proxy.access().length > before, "the end of the exchange");
    client.send(more);
    // When somebody else is answered, the bytes have arrived.
    await ask(proxy.port, get("/1"));
    client.socket.resume();
    await client.until(({ ended, closed }) => ended || closed, "the end");
    assert.equal(client.error, "");
    assert.equal(client.received.length - client.received.indexOf("\r\n\r\n") - 4, SIZE);
    client.destroy();
  });
}

test("a half-closed client that has read its last bytes late is not waited for", { timeout: 60_000 }, async () => {
  // More than the system takes for a client that does not read, and of many sizes, for some to end just behind what it takes.
  const clients = await Promise.all(
    Array.from({ length: 16 }, async (_, index) => {
      const client = await RawClient.connect(proxy.port);
      client.socket.pause();
      client.socket.on("data", () => client.socket.pause());
      client.send(`GET /${5_000_000 + index * 70_000} HTTP/1.1\r\nHost: a\r\n\r\n`);
      client.socket.end();
      return client;
    }),
  );
  while (clients.some(({ ended }) => !ended)) {
    await ask(proxy.port, get("/1"));
    for (const { socket } of clients) socket.resume();
  }
  const endedAt = performance.now();
  await Scrape.until(proxy.adminPort, (scrape) => scrape.single("connections_open") === 0, "the connections to be closed");
  assert.ok(performance.now() - endedAt < 1000, `${performance.now() - endedAt} ms`);
});
