/**
 * Bodies in pieces of every size, both ways at once, by ends that stop reading now and then: what lies in a read buffer must not be
 * overwritten before the kernel has it. Client and origin are Node's own.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { Readable, Transform } from "node:stream";
import { test } from "node:test";
import { startMillrace } from "./support/millrace.ts";

const BODY_BYTES = 12 * 1024 * 1024;
const EXCHANGES = 6;
/** Around the sizes at which the proxy copies, writes in place or takes a larger buffer. */
const SIZES = [1, 100, 4095, 4096, 4097, 9000, 16_383, 16_384, 16_385, 40_000, 65_536, 200_000, 300_000];

/** Numbers that repeat with their seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
}

/** No two places of it look alike: every four bytes count up. */
function* pieces(seed: number): Generator<Buffer> {
  const next = numbers(seed);
  for (let sent = 0; sent < BODY_BYTES;) {
    const size = Math.min(BODY_BYTES - sent, SIZES[next() % SIZES.length] ?? 1);
    const piece = Buffer.alloc(size);
    for (let at = 0; at + 4 <= size; at += 4) piece.writeUInt32LE((seed << 24) ^ (sent + at), at);
    sent += size;
    yield piece;
  }
}

/** Passes bytes on in pieces of other sizes, and stands still for a turn of the event loop after some of them. */
function inFits(seed: number): Transform {
  const next = numbers(seed);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const cut = next() % (chunk.length + 1);
      this.push(chunk.subarray(0, cut));
      if (next() % 3 === 0) {
        setImmediate(() => {
          this.push(chunk.subarray(cut));
          done();
        });
        return;
      }
      this.push(chunk.subarray(cut));
      done();
    },
  });
}

function expected(seed: number): string {
  const hash = createHash("sha256");
  for (const piece of pieces(seed)) hash.update(piece);
  return hash.digest("hex");
}

for (const framing of ["chunked", "length"] as const) {
  test(`arrive unchanged, ${framing}, up and down at once`, { timeout: 120_000 }, async (t) => {
    const origin = http.createServer((request, response) => {
      if (request.headers["content-length"] !== undefined) response.setHeader("Content-Length", BODY_BYTES);
      void pipeline(request, inFits(1), response).catch(() => response.destroy());
    });
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    t.after(() => origin.close());
    const { port } = origin.address() as AddressInfo;
    const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["http://127.0.0.1:${port}"] } }
routes: [{ upstream: app }]
logging: { access: false }
`);
    t.after(() => proxy.stop());
    const agent = new http.Agent({ keepAlive: true, maxSockets: EXCHANGES });
    t.after(() => agent.destroy());
    const echoed = async (seed: number): Promise<string> => {
      const headers = framing === "length" ? { "Content-Length": BODY_BYTES } : { "Transfer-Encoding": "chunked" };
      const request = http.request({ port: proxy.port, host: "127.0.0.1", method: "POST", agent, headers });
      const answered = once(request, "response") as Promise<[http.IncomingMessage]>;
      const sent = pipeline(Readable.from(pieces(seed)), request);
      const [response] = await answered;
      const hash = createHash("sha256");
      const [, received] = await Promise.all([sent, pipeline(response, inFits(seed + 7), hash).then(() => hash.digest("hex"))]);
      return received;
    };
    const seeds = Array.from({ length: EXCHANGES }, (_, index) => index + 1);
    const received = await Promise.all(seeds.map((seed) => echoed(seed)));
    assert.deepEqual(received, seeds.map(expected));
  });
}
