/** Readers on loan: of many connections few bring a request at a time, so a few readers serve all, and idle connections hold none. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { RequestReader } from "../../../http1/request-reader.ts";
import { startListener } from "../../accept/lone-listener.fixture.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const ANSWER_END = "\r\n\r\nok";
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Length: 2${ANSWER_END}`;

interface Proxy {
  readonly port: number;
  /** Every reader that was taken, once each. */
  readonly readers: ReadonlySet<RequestReader>;
  /** Resolves when a reader is given back. */
  readonly givenBack: () => Promise<void>;
}

async function startProxy(t: TestContext): Promise<Proxy> {
  const origin = net.createServer((socket) => socket.on("error", () => {}).on("data", () => socket.write(ANSWER)));
  const { port, context } = await startListener(t, origin);
  const readers = new Set<RequestReader>();
  const waiting: (() => void)[] = [];
  const [take, giveBack] = [context.takeReader.bind(context), context.giveReaderBack.bind(context)];
  context.takeReader = (): RequestReader => {
    const reader = take();
    readers.add(reader);
    return reader;
  };
  context.giveReaderBack = (reader): void => {
    giveBack(reader);
    waiting.shift()?.();
  };
  return { port, readers, givenBack: () => new Promise((resolve) => waiting.push(resolve)) };
}

async function connectTo({ port }: Proxy, t: TestContext): Promise<net.Socket> {
  const socket = net.connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Sends this many requests at once. */
async function ask(socket: net.Socket, requests: number = 1): Promise<void> {
  socket.write(REQUEST.repeat(requests));
  for (let text = ""; text.split(ANSWER_END).length <= requests;) text += String((await once(socket, "data"))[0]);
}

test("clients that ask now and then are served by one reader, one after another", async (t) => {
  const proxy = await startProxy(t);
  const sockets = await Promise.all([1, 2, 3].map(() => connectTo(proxy, t)));
  for (const socket of [...sockets, ...sockets]) {
    const givenBack = proxy.givenBack();
    const began = performance.now();
    await ask(socket);
    await givenBack;
    assert.ok(performance.now() - began < 1000, "it is not kept as long as one that knows what was asked before");
  }
  assert.equal(proxy.readers.size, 1);
});

test("a client that asks again at once keeps its reader for a second", async (t) => {
  const proxy = await startProxy(t);
  const givenBack = proxy.givenBack();
  const began = performance.now();
  await ask(await connectTo(proxy, t), 2);
  await givenBack;
  assert.ok(performance.now() - began >= 1000);
  // The next client that asks gets the same reader.
  await ask(await connectTo(proxy, t));
  assert.equal(proxy.readers.size, 1);
});
