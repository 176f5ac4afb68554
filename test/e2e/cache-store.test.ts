/** The store of responses in a whole proxy: workers that die, and clients that read slowly. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { parseConfig } from "../../src/config/load.ts";
import { ControlPlane } from "../../src/control/control-plane.ts";
import { WorkerThreads } from "../../src/control/workers/worker-threads.ts";
import { monotonicMs } from "../../src/net/system-clock.ts";
import { startHttpOrigin } from "../support/http-origin.ts";

const PATHS = 60;
const DEATHS = 6;
/** Requests of a client that reads slowly: what they ask for is more than sockets hold. */
const ASKED_AT_ONCE = 50;
const SIZES = [300, 3000, 30_000, 300_000];

function bodyOf(path: string): Buffer {
  const index = Number(path.slice(2));
  return Buffer.alloc((SIZES[index % SIZES.length] ?? 0) + index, `${path} `);
}

interface Running {
  readonly plane: ControlPlane;
  readonly port: number;
  /** Ends a worker abruptly, and resolves when another one has taken its place. */
  readonly replace: (worker: number) => Promise<void>;
}

/** A proxy with three workers and a store of 4 MiB. */
async function startProxy(t: TestContext): Promise<Running> {
  const url = await startHttpOrigin(t, (request, response) => {
    const body = bodyOf(request.url ?? "");
    response.setHeader("cache-control", "max-age=600");
    // Every other one is of a length that is not known beforehand.
    if (Number((request.url ?? "").slice(2)) % 2 === 0) response.setHeader("content-length", body.length);
    response.end(body);
  });
  const text = `
listeners: [{ address: "127.0.0.1:0" }]
workers: 3
upstreams: { app: { endpoints: ["${url}"] } }
stores: { pages: { type: memory, max_size: 4MiB } }
routes: [{ upstream: app, cache: { store: pages } }]
`;
  const loaded = parseConfig(text, "test.yaml", {}, () => "");
  assert.ok("config" in loaded);
  let replaced = (): void => {};
  const say = (event: string): void => {
    if (event === "worker_replaced") replaced();
  };
  const plane = new ControlPlane({
    config: loaded.config,
    log: { log: (_, event) => say(event), debug: say, info: say, warn: say, error: say },
    version: "0.0.0",
    takeLines: (_data, _lines, taken) => taken(),
    logDroppedLines: () => 0,
    refusedReloads: () => 0,
    environment: process.env,
    startedAtMs: Date.now(),
    now: Date.now,
    monotonic: monotonicMs,
    threads: new WorkerThreads(),
    inherited: null,
  });
  const { signal } = new AbortController();
  assert.equal((await plane.start(signal, { checksListeners: true })).kind, "started");
  const open = await plane.open(signal);
  assert.ok(open.kind === "open");
  const target = open.listeners[0]?.target;
  assert.ok(target?.kind === "tcp");
  t.after(() => plane.drain());
  return {
    plane,
    port: target.port,
    replace: async (worker) => {
      const isReplaced = new Promise<void>((resolve) => {
        replaced = resolve;
      });
      await plane.terminateWorker(worker);
      await isReplaced;
    },
  };
}

test("workers die: what clients get whole is right, and the store goes on", { timeout: 120_000 }, async (t) => {
  const { plane, port, replace } = await startProxy(t);
  const agent = new http.Agent({ keepAlive: true });
  const seen = { whole: 0, hits: 0, cut: 0 };

  /** Resolves with whether the answer came from the store; null: the connection was cut. */
  const ask = (path: string): Promise<boolean | null> =>
    new Promise((resolve, reject) => {
      const request = http.get({ port, path, agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", () => resolve(null));
        response.on("end", () => {
          if (!Buffer.concat(chunks).equals(bodyOf(path))) return reject(new Error(`${path} is not what it should be`));
          resolve(/hit/.test(String(response.headers["cache-status"])));
        });
      });
      request.on("error", () => resolve(null));
    });

  let isOver = false;
  t.after(() => {
    isOver = true;
    agent.destroy();
  });
  const client = async (first: number): Promise<void> => {
    for (let count = first; !isOver; count++) {
      const isHit = await ask(`/p${(count * 7) % PATHS}`);
      if (isHit === null) seen.cut++;
      else {
        seen.whole++;
        if (isHit) seen.hits++;
      }
    }
  };
  const clients = Array.from({ length: 12 }, (_, first) => client(first));
  for (let death = 0; death < DEATHS; death++) {
    // These read nothing more, so the dying worker has records in its hands.
    const slow = await Promise.all(Array.from({ length: 9 }, (_, index) => slowReader(port, 4 * ((death * 9 + index) % 15) + 3)));
    // By then nothing more can be sent to them.
    for (const whole = seen.whole; seen.whole < whole + 300;) await after(5);
    await replace(death % 3);
    for (const socket of slow) socket.destroy();
  }
  isOver = true;
  await Promise.all(clients);
  assert.ok(seen.hits > 100 && seen.whole > seen.cut, JSON.stringify(seen));
  assert.match(plane.metrics(), new RegExp(`^millrace_worker_restarts_total ${DEATHS}$`, "m"));
  // There is room for what is new, and it is found on any worker: nothing is left in the hands of the dead.
  for (let index = PATHS; index < 2 * PATHS; index++) {
    await ask(`/p${index}`);
    assert.equal(await ask(`/p${index}`), true, `/p${index}`);
  }
  assert.ok(Number(/^millrace_response_store_bytes\{store="pages"\} (\d+)$/m.exec(plane.metrics())?.[1]) <= 4 * 1024 ** 2);
});

test(
  "a client that reads slowly gets stored responses as they were, while everything in the store is replaced",
  { timeout: 60_000 },
  async (t) => {
    const { plane, port } = await startProxy(t);
    const answer = async (path: string): Promise<Response> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), bodyOf(path));
      return response;
    };
    for (let count = 0; count < 3; count++) await answer("/p3");
    const socket = await slowReader(port, 3);
    const evicted = (): number => Number(/^millrace_response_store_evicted_segments_total\{.*\} (\d+)$/m.exec(plane.metrics())?.[1]);
    const before = evicted();
    for (let index = PATHS; evicted() - before < 500; index++) await answer(`/p${index}`);
    const received: Buffer[] = [];
    const expected = bodyOf("/p3");
    let bytes = 0;
    for await (const chunk of socket) {
      assert.ok(Buffer.isBuffer(chunk));
      received.push(chunk);
      bytes += chunk.length;
      if (bytes > ASKED_AT_ONCE * expected.length) break;
    }
    let rest = Buffer.concat(received);
    let whole = 0;
    for (let end = rest.indexOf("\r\n\r\n"); end >= 0 && rest.length >= end + 4 + expected.length; end = rest.indexOf("\r\n\r\n")) {
      assert.ok(rest.subarray(end + 4, end + 4 + expected.length).equals(expected), `response ${whole} of ${ASKED_AT_ONCE}`);
      rest = rest.subarray(end + 4 + expected.length);
      whole++;
    }
    assert.ok(whole >= ASKED_AT_ONCE - 1, `${whole} whole responses`);
  },
);

/** A connection that has asked for so much that it cannot be sent, and reads none of it. */
async function slowReader(port: number, index: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.write(`GET /p${index} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`.repeat(ASKED_AT_ONCE));
  await once(socket, "readable");
  return socket;
}
