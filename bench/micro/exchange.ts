/**
 * Operations: a whole plain exchange on kept connections, from the read of the request to the write of the response, with everything between (readers,
 * router, pool, drivers, write batch, log record, counters). The transports are fakes that take everything at once: no system calls.
 */
import type { Buffer } from "node:buffer";
import { plainConfig } from "../../src/config/plain.ts";
import type { Config } from "../../src/config/schema/schema.ts";
import { FEATURES } from "../../src/features/features.ts";
import { ListenerContext, trustOf } from "../../src/net/accept/listener-context.ts";
import { machine } from "../../src/net/machine.ts";
import type { Platform } from "../../src/net/platform.ts";
import { sharedBuffer } from "../../src/net/buffers/read-buffers.ts";
import type { AcceptedTransport, TransportReader } from "../../src/net/transport/transport.ts";
import { loneThread } from "../../src/net/lone-thread.ts";
import { answer } from "../../src/middleware/answer.ts";
import type { MiddlewareHooks } from "../../src/middleware/define-middleware.ts";
import { watchedHooks } from "../../src/middleware/watched-hooks.ts";
import type { Running } from "../../src/middleware/watched-hooks.ts";
import { accessLines } from "../../src/observe/access-line.ts";
import type { AccessRecord } from "../../src/observe/access-record.ts";
import type { Middleware } from "../../src/proxy/feature/middleware.ts";
import { WorkerTable } from "../../src/shared/worker-table.ts";
import { VARIANTS, browserRequest, smallResponse } from "./messages.ts";
import type { Operation, Run } from "./operation.ts";
import { connectionOf } from "../../src/net/protocols.ts";

export const exchange: readonly Operation[] = [
  { name: "exchange/plain", about: "a browser's request and a small response, the same again and again", prepare: () => exchanges(1) },
  { name: "exchange/changing", about: "the same with another path and date each time", prepare: () => exchanges(VARIANTS) },
  { name: "exchange/token", about: "exchange/plain with a token that the route asks for and removes", prepare: () => exchanges(1, TOKEN) },
  { name: "exchange/headers", about: "exchange/plain with five constant edits of fields", prepare: () => exchanges(1, null, EDITS) },
  { name: "exchange/variables", about: "the same with a variable in two of them", prepare: () => exchanges(1, null, WITH_VARIABLES) },
  { name: "exchange/rewrite", about: "exchange/plain with another path and host", prepare: () => exchanges(1, null, REWRITE) },
  {
    name: "exchange/edited",
    about: "exchange/headers with another path and host",
    prepare: () => exchanges(1, null, { ...EDITS, ...REWRITE }),
  },
  {
    name: "exchange/identified",
    about: "exchange/edited with a request id",
    prepare: () => exchanges(1, null, { ...EDITS, ...REWRITE, ...IDENTIFIED }),
  },
  {
    name: "exchange/own-middleware",
    about: "exchange/plain with a middleware of the user's own, which has one synchronous hook",
    prepare: () => exchanges(1, null, {}, [oneHook()]),
  },
];

/** Admits every request, after a look at it. Wrapped as in a data-plane thread. */
function oneHook(): Middleware {
  const workers = new WorkerTable(WorkerTable.create(1, 1, 0, 0));
  const running: Running = { enter: (id) => workers.enterMiddleware(0, id), leave: (before) => workers.leaveMiddleware(0, before) };
  const hooks: MiddlewareHooks = { onRequest: ({ request }) => (request.path === "/closed" ? answer(503) : null) };
  return watchedHooks("one-hook", hooks, 1, running, (error) => {
    throw error;
  });
}

type RouteKeys = Partial<Config["routes"][number]>;

const NO_EDITS = { remove: [], rename: {}, set: {}, add: {} };

const EDITS: RouteKeys = {
  request_headers: [{ ...NO_EDITS, remove: ["Sec-Ch-Ua-Mobile"], set: { "X-Env": "prod", "Accept-Encoding": "gzip" } }],
  response_headers: [{ ...NO_EDITS, remove: ["Server"], add: { "X-Robots-Tag": ["noindex"] }, own_answers: false }],
};

const WITH_VARIABLES: RouteKeys = {
  request_headers: [{ ...NO_EDITS, remove: ["Sec-Ch-Ua-Mobile"], set: { "X-Real-IP": "{client_ip}", "Accept-Encoding": "gzip" } }],
  response_headers: [{ ...NO_EDITS, remove: ["Server"], add: { "X-Host": ["{host}"] }, own_answers: false }],
};

const IDENTIFIED: RouteKeys = { request_id: [{ header: "X-Request-Id", trust: "trusted_proxies", response: true }] };

const REWRITE: RouteKeys = { rewrite: { strip_prefix: "/catalogue", add_prefix: "/v1", host: "upstream" } };

const TOKEN = "8c1f0a4be7d94f6ab2c3d4e5f6071829";

/** A fake transport that takes everything at once. */
class TakingTransport implements AcceptedTransport {
  addresses(): null {
    return null;
  }

  readonly readsOnDemand: boolean = true;
  readonly destroyed: boolean = false;
  readonly readable: boolean = true;
  readonly writable: boolean = true;
  readonly queuedBytes: number = 0;
  readonly reader: TransportReader;
  writes: number = 0;

  constructor(reader: TransportReader) {
    this.reader = reader;
  }

  write(): boolean {
    this.writes++;
    return true;
  }

  /** Gives these bytes to the transport's reader, in the thread's shared buffer. */
  brings(bytes: Buffer): void {
    bytes.copy(sharedBuffer);
    this.reader.onRead(sharedBuffer, bytes.length);
  }

  start(): void {}
  handTo(): void {}
  readInto(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroySoon(): void {}
  destroy(): void {}
  reset(): void {}
}

/**
 * @param token the token that the route requires and each request carries; null for a route without authentication
 * @param keys further keys of the route
 * @param own middleware of the user's own
 */
function exchanges(variants: number, token: string | null = null, keys: RouteKeys = {}, own: readonly Middleware[] = []): Run {
  const credentials = token === null ? [] : [`Authorization: Bearer ${token}`];
  const requests = Array.from({ length: variants }, (_, variant) => browserRequest(variant, credentials));
  const responses = Array.from({ length: variants }, (_, variant) => smallResponse(variant));
  let endTurn: (() => void) | null = null;
  let upstream: TakingTransport | null = null;
  let connect: (() => void) | null = null;
  const platform: Platform = {
    ...machine,
    now: () => 1000,
    every: () => () => {},
    atTurnEnd: (then) => void (endTurn = then),
    dial: ({ reader, onConnect }) => {
      const transport = new TakingTransport(reader);
      upstream = transport;
      connect = () => onConnect(transport);
      return transport;
    },
  };
  const turnEnds = (): void => {
    const then = endTurn;
    endTurn = null;
    then?.();
  };
  const config = plainConfig("127.0.0.1:0", "http://127.0.0.1:9");
  if (token !== null) config.routes = config.routes.map((route) => ({ ...route, authentication: { tokens: [token], optional: false } }));
  config.routes = config.routes.map((route) => ({ ...route, ...keys }));
  const [listening] = config.listeners;
  if (listening === undefined) throw new Error("there is no listener");
  listening.limits.requests_per_connection = Infinity;
  const lines = accessLines("json");
  let logged = 0;
  const access = (record: AccessRecord): void => void (logged += lines.write(record));
  const thread = loneThread(config, access, platform, FEATURES, undefined, () => own);
  const context = new ListenerContext(thread, 0, listening, trustOf(config), connectionOf);
  const accepted: TakingTransport[] = [];
  context.admission.accept((reader) => {
    const transport = new TakingTransport(reader);
    accepted.push(transport);
    return transport;
  }, "192.0.2.1");
  const [client] = accepted;
  if (client === undefined) throw new Error("nobody was accepted");
  let at = 0;
  const one = (): void => {
    at = (at + 1) % variants;
    client.brings(requests[at] as Buffer);
    connect?.();
    connect = null;
    turnEnds();
    upstream?.brings(responses[at] as Buffer);
    turnEnds();
  };
  return (count) => {
    const before = client.writes;
    for (let n = 0; n < count; n++) one();
    if (client.writes - before !== count) throw new Error(`${client.writes - before} of ${count} were answered`);
    return logged;
  };
}
