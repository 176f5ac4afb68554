/**
 * Warms a data-plane thread up before clients come. The thread sends itself thousands of requests: from a client of its own, through a listener
 * of its own, to an origin of its own, while the main thread reads the configuration and a little longer. They use real sockets and the same
 * classes as all requests, so that this code is compiled when clients come. The first client then waits half as long
 * (docs/decisions/0011-starting-warm.md).
 */
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { plainConfig } from "../config/plain.ts";
import { accessLines } from "../observe/access-line.ts";
import { ListenerContext, trustOf } from "./accept/listener-context.ts";
import { Listener } from "./accept/listener.ts";
import { loneThread } from "./lone-thread.ts";
import { connectionOf } from "./protocols.ts";

export interface WarmUpSettings {
  readonly address: string;
  readonly exchanges: number;
  readonly connections: number;
  /** When the warm-up ends, even if exchanges are left: milliseconds since the thread began. */
  readonly dueMs: number;
}

const SETTINGS: WarmUpSettings = {
  // On Linux a loopback address that nobody else uses, so that no port is taken that somebody has chosen.
  address: "127.77.0.1",
  // V8's optimizing compiler looks at functions that were called some 3000 times.
  exchanges: 4000,
  connections: 4,
  // If loading takes long, the warm-up is shorter: a process answers within half a second after its start.
  dueMs: 400,
};

const REQUEST = `GET /warm-up?colour=blue HTTP/1.1\r
Host: warm-up.invalid\r
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r
Accept-Language: en-GB,en;q=0.5\r
Accept-Encoding: gzip, deflate, br\r
Cookie: theme=dark; visit=1\r
Cache-Control: max-age=0\r
Connection: keep-alive\r
\r
`;

const ANSWER = `HTTP/1.1 200 OK\r
Date: Thu, 01 Jan 1970 00:00:00 GMT\r
Content-Type: text/plain\r
Content-Length: 5\r
Connection: keep-alive\r
\r
warm\n`;

/**
 * Runs the warm-up. Resolves when every socket is closed; rejects if it was impossible (the address is not this system's, or sockets are
 * forbidden). Does not touch the configuration or the tables of the process, and logs nothing.
 * @returns how many exchanges took place
 */
export async function warmUp(changes: Partial<WarmUpSettings> = {}): Promise<number> {
  const settings = { ...SETTINGS, ...changes };
  const { address, dueMs } = settings;
  const lines = accessLines("json");
  let exchanges = 0;
  const accepted = new Set<net.Socket>();
  const origin = net.createServer({ noDelay: true }, (socket) => {
    accepted.add(socket);
    socket.on("error", () => {}).on("data", () => socket.write(ANSWER, "latin1"));
  });
  const config = plainConfig(`${address}:0`, `http://${address}:${await listenOn(origin, address)}`);
  const [listening] = config.listeners;
  if (listening === undefined) throw new Error("the plain configuration has no listener");
  const thread = loneThread(config, (record) => {
    lines.write(record);
    exchanges++;
  });
  const context = new ListenerContext(thread, 0, listening, trustOf(config), connectionOf);
  const listener = new Listener(context);
  try {
    await listener.listen({ kind: "tcp", host: address, port: 0, reusePort: false });
    const fault = await ask(listener.port, settings, AbortSignal.timeout(Math.max(0, Math.ceil(dueMs - performance.now()))));
    if (exchanges === 0 && fault !== null) throw fault;
  } finally {
    listener.close();
    for (const connection of context.connections) connection.cutNow();
    thread.close();
    origin.close();
    // Also sockets that other programs have opened to the warm-up's origin.
    for (const socket of accepted) socket.destroy();
    await once(origin, "close");
  }
  return exchanges;
}

async function listenOn(server: net.Server, address: string): Promise<number> {
  await once(server.listen(0, address), "listening");
  return (server.address() as AddressInfo).port;
}

/** Sends the requests. Resolves when all connections are closed, with the first error or null; closing by the signal is no error. */
async function ask(port: number, { address, exchanges, connections }: WarmUpSettings, signal: AbortSignal): Promise<Error | null> {
  let asked = 0;
  let fault: Error | null = null;
  const next = (socket: net.Socket): void => void (asked++ < exchanges ? socket.write(REQUEST, "latin1") : socket.destroy());
  const clients = Array.from({ length: connections }, async () => {
    const socket = net.connect({ port, host: address, noDelay: true, signal });
    socket.on("connect", () => next(socket));
    // An answer this small comes in one piece; if it came in two, two requests would be under way on one connection.
    socket.on("data", () => next(socket));
    socket.on("error", (error) => {
      if (!signal.aborted) fault ??= error;
    });
    await new Promise((closed) => socket.once("close", closed));
  });
  await Promise.all(clients);
  return fault;
}
