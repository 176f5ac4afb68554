/** Of many connections few are being asked something: the readers that serve these serve all, and the rest holds none. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { compileCidrs } from "../base/cidr.ts";
import { plainConfig } from "../config/plain.ts";
import type { RequestReader } from "../http1/request-reader.ts";
import { ListenerContext } from "./listener-context.ts";
import { Listener } from "./listener.ts";
import { loneThread } from "./warm-up.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const ANSWER_END = "\r\n\r\nok";
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Length: 2${ANSWER_END}`;

interface Proxy {
  readonly port: number;
  /** All that were taken, once each. */
  readonly readers: ReadonlySet<RequestReader>;
  /** Resolves when one is given back. */
  readonly givenBack: () => Promise<void>;
}

async function startProxy(t: TestContext): Promise<Proxy> {
  const origin = net.createServer((socket) => socket.on("error", () => {}).on("data", () => socket.write(ANSWER)));
  await once(origin.listen(0, "127.0.0.1"), "listening");
  const config = plainConfig("127.0.0.1:0", `http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
  const [listening] = config.listeners;
  assert.ok(listening !== undefined);
  const plane = loneThread(config, () => {});
  const context = new ListenerContext(plane, 0, listening, { proxies: compileCidrs([]), addressFrom: config.client_address_from });
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
  const listener = new Listener(context);
  await listener.listen({ kind: "tcp", host: "127.0.0.1", port: 0, reusePort: false });
  t.after(() => {
    listener.close();
    for (const connection of context.connections) connection.cutNow();
    plane.close();
    origin.close();
  });
  return { port: listener.port, readers, givenBack: () => new Promise((resolve) => waiting.push(resolve)) };
}

async function connectTo({ port }: Proxy, t: TestContext): Promise<net.Socket> {
  const socket = net.connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** So many requests at once. */
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
  // The next one, whoever asks, has it.
  await ask(await connectTo(proxy, t));
  assert.equal(proxy.readers.size, 1);
});
