/**
 * Bodies in pieces of every size, both ways at once, by ends that stop reading now and then: what lies in a read buffer must not be
 * overwritten before the kernel has it. Client and origin are Node's own.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { pipeline } from "node:stream/promises";
import { Readable, Transform } from "node:stream";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import { RawClient } from "./support/raw-client.ts";

const BODY_BYTES = 6 * 1024 * 1024;
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
    const piece = new Uint32Array(Math.ceil(size / 4));
    for (let index = 0; index < piece.length; index++) piece[index] = (seed << 24) ^ (sent + 4 * index);
    sent += size;
    yield Buffer.from(piece.buffer, 0, size);
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

const digests: Map<number, string> = new Map();

/** The same for each framing: what takes a while to count up is counted up once. */
function expected(seed: number): string {
  let digest = digests.get(seed);
  if (digest === undefined) {
    const hash = createHash("sha256");
    for (const piece of pieces(seed)) hash.update(piece);
    digests.set(seed, (digest = hash.digest("hex")));
  }
  return digest;
}

const origin = http.createServer(answer);
/** One proxy for all tests. */
let port = 0;
let stopProxy: () => Promise<unknown> = () => Promise.resolve();

before(async () => {
  await once(origin.listen(0, "127.0.0.1"), "listening");
  const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["http://127.0.0.1:${(origin.address() as net.AddressInfo).port}"] } }
routes: [{ upstream: app }]
logging: { access: false }
`);
  stopProxy = proxy.stop;
  port = proxy.port;
});

after(async () => {
  await stopProxy();
  origin.close();
});

for (const framing of ["chunked", "length"] as const) {
  test(`arrive unchanged, ${framing}, up and down at once`, { timeout: 120_000 }, async (t) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: EXCHANGES });
    t.after(() => agent.destroy());
    const echoed = async (seed: number): Promise<string> => {
      const headers = framing === "length" ? { "Content-Length": BODY_BYTES } : { "Transfer-Encoding": "chunked" };
      const request = http.request({ port, path: "/echo", host: "127.0.0.1", method: "POST", agent, headers });
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

test("answers of all sizes in turn on kept connections, to clients that stand still now and then", { timeout: 120_000 }, async (t) => {
  const agents = keptConnections(t, 6);
  await Promise.all(
    agents.map(async (agent, index) => {
      const next = numbers(index + 1);
      for (let exchange = 0; exchange < 60; exchange++) {
        const wanted = { seed: next() % 256, size: ANSWER_BYTES[next() % ANSWER_BYTES.length] ?? 1 };
        await checkAnswer(agent, wanted, next() % 2 === 0 ? "length" : "chunked", next);
      }
    }),
  );
});

test(
  "answers whose last bytes wait for their clients stay as they are while their connections to the origin bring others",
  { timeout: 120_000 },
  async (t) => {
    const others = keptConnections(t, 3);
    const next = numbers(1);
    // About what the system takes for a client that does not read, and more: of some answers the last read is what blocks.
    const taken = await takenUnread();
    const answers = Array.from({ length: 28 }, (_, index) => ({ seed: 50 + index, size: taken + (index - 10) * 32_768 }));
    // Connections to the origin that have brought a large answer all read into one buffer: those that come now are such.
    const before = keptConnections(t, answers.length + 3);
    await Promise.all(before.map((agent, index) => checkAnswer(agent, { seed: index, size: 600_000 }, "length", next)));
    const slow = await Promise.all(
      answers.map(async (wanted) => {
        const client = await RawClient.connect(port);
        client.socket.pause();
        client.send(`GET /${wanted.seed}/${wanted.size}/length HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
        const pieces: Buffer[] = [];
        client.socket.removeAllListeners("data").on("data", (piece: Buffer) => {
          pieces.push(piece);
          client.socket.pause();
        });
        return { wanted, client, pieces };
      }),
    );
    while (slow.some(({ client }) => !client.ended)) {
      // They read a little at a time, and meanwhile the others' answers come.
      await Promise.all(others.map((agent, index) => checkAnswer(agent, { seed: 7 + index, size: 300_000 }, "length", next)));
      for (const { client } of slow) client.socket.resume();
    }
    for (const { wanted, client, pieces } of slow) {
      const received = Buffer.concat(pieces);
      client.destroy();
      assert.ok(received.subarray(received.indexOf("\r\n\r\n") + 4).equals(bodyOf(wanted)), `of ${wanted.size} bytes others arrived`);
    }
  },
);

/** How many bytes the system takes for a client that does not read. */
async function takenUnread(): Promise<number> {
  const server = net.createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[net.Socket]>;
  const client = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1").pause();
  const [socket] = await accepted;
  let written = 0;
  for (; socket.writableLength === 0; written += 65_536) socket.write(Buffer.alloc(65_536));
  const taken = written - socket.writableLength;
  socket.destroy();
  client.destroy();
  server.close();
  return taken;
}

interface Answer {
  readonly seed: number;
  readonly size: number;
}

/** Sends back what it gets under `/echo`, and answers `/SEED/SIZE/FRAMING`. */
function answer(request: http.IncomingMessage, response: http.ServerResponse): void {
  const [, seed, size, framing] = (request.url ?? "").split("/");
  if (seed === "echo") {
    const { "content-length": length } = request.headers;
    if (length !== undefined) response.setHeader("Content-Length", length);
    void pipeline(request, inFits(1), response).catch(() => response.destroy());
    return;
  }
  const body = bodyOf({ seed: Number(seed), size: Number(size) });
  if (framing === "length") response.setHeader("Content-Length", body.length);
  // In two writes: a chunked one has a second chunk's line behind the first one's bytes.
  response.write(body.subarray(0, body.length >> 1));
  response.end(body.subarray(body.length >> 1));
}

function keptConnections(t: TestContext, count: number): http.Agent[] {
  const agents = Array.from({ length: count }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  t.after(() => agents.forEach((agent) => agent.destroy()));
  return agents;
}

async function checkAnswer(agent: http.Agent, wanted: Answer, framing: string, next: () => number): Promise<void> {
  const path = `/${wanted.seed}/${wanted.size}/${framing}`;
  const received = await fetchInFits(agent, path, next);
  assert.ok(received.equals(bodyOf(wanted)), `${path}: ${received.length} bytes arrived, or others`);
}

/** From a few bytes to more than any buffer, twice the largest too. */
const ANSWER_BYTES = [10, 3000, 4096, 12_000, 16_384, 60_000, 102_400, 262_144, 300_000, 600_000];

function bodyOf({ seed, size }: Answer): Buffer {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let index = 0; index < words.length; index++) words[index] = (seed << 24) ^ (4 * index);
  return Buffer.from(words.buffer, 0, size);
}

function fetchInFits(agent: http.Agent, path: string, next: () => number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = http.get({ agent, host: "127.0.0.1", port, path }, (response) => {
      const received: Buffer[] = [];
      response.on("data", (piece: Buffer) => {
        received.push(piece);
        if (next() % 4 !== 0) return;
        response.pause();
        setTimeout(() => response.resume(), 2);
      });
      response.on("end", () => resolve(Buffer.concat(received)));
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}
