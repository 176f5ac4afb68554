/** `retry`, `hold`, `timeouts` and `mirror` of a route: what the client gets, and what is left of the connections. */
import { SERVED, cut, failed } from "./row.ts";
import type { Expectation, Row } from "./row.ts";

const LIMIT_MS = 300;
const ON_503 = "retry: { on: [503], backoff: { base: 0s } }";
const BUSY = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";
const BUSY_PASSES: Expectation = {
  answer: { status: 503, body: "busy" },
  log: { status: 503, outcome: "completed" },
  client: "open",
  origin: "reused",
};

/** The client is answered as if there were no copy. When a copy fails is no matter of the exchange's, so it may count before or after it. */
const COPIED: Expectation = {
  answer: SERVED,
  log: { status: 200, outcome: "completed" },
  client: "open",
  origin: "reused",
  counters: { upstream_connect_failures: [0, 2], origin_failures: [0, 2] },
};

/** Rows of the theme "connect": what follows after a failed attempt is theirs to say. */
export const ATTEMPT_ROWS: readonly Row[] = [
  {
    name: "a status that is tried again: the response is dropped with its connection, the other endpoint answers",
    endpoints: ["origin", "second"],
    route: ON_503,
    origin: ({ connection }) => connection.send(BUSY),
    expect: {
      answer: SERVED,
      log: { status: 200, outcome: "completed", attempts: 2 },
      client: "open",
      origin: "closed",
      counters: { retries: 1 },
    },
  },
  {
    name: "a status that is tried again, in the middle of a large body of the response",
    endpoints: ["origin", "second"],
    route: ON_503,
    origin: ({ connection }) => connection.send(`HTTP/1.1 503 Busy\r\nContent-Length: 1000000\r\n\r\n${"x".repeat(50_000)}`),
    expect: {
      answer: SERVED,
      log: { status: 200, outcome: "completed", attempts: 2 },
      client: "open",
      origin: "closed",
      counters: { retries: 1 },
    },
  },
  {
    name: "a status that is tried again, no other endpoint",
    route: ON_503,
    origin: ({ connection }) => connection.send(BUSY),
    expect: BUSY_PASSES,
  },
  {
    name: "a status that is tried again, POST",
    endpoints: ["origin", "second"],
    route: ON_503,
    client: ({ client, head }) => client.send(`${head("POST", ["Content-Length: 3"])}abc`),
    origin: async (request) => {
      await request.whole();
      await request.connection.send(BUSY);
    },
    expect: BUSY_PASSES,
  },
  {
    name: "held, and nobody comes up",
    endpoints: ["refused"],
    route: `hold: ${LIMIT_MS}ms`,
    expect: {
      ...failed(
        502,
        "connection_refused",
        "connection_refused",
        { upstream_connect_failures: [2, 5], origin_failures: [2, 5], requests_held: 1 },
        "unreached",
      ),
      log: { status: 502, outcome: "connection_refused", attempts: [2, 5] },
      limitMs: LIMIT_MS,
    },
  },
  {
    name: "the whole exchange takes too long, the endpoint is silent",
    route: `timeouts: { request: ${LIMIT_MS}ms }`,
    client: async ({ client, get, decide }) => {
      decide();
      await client.send(get());
    },
    origin: () => {},
    expect: { ...failed(504, "http_response_timeout", "exchange_timeout", {}), limitMs: LIMIT_MS },
  },
  {
    name: "the whole exchange takes too long, the body stalls",
    route: `timeouts: { request: ${LIMIT_MS}ms }`,
    client: async ({ client, get, decide }) => {
      decide();
      await client.send(get());
    },
    origin: ({ connection }) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello"),
    expect: { ...cut("exchange_timeout", "hello", {}), limitMs: LIMIT_MS },
  },
  {
    name: "copies go to an endpoint that refuses",
    mirror: "refused",
    client: ({ client, head }) => client.send(`${head("POST", ["Content-Length: 3"])}abc`),
    expect: COPIED,
  },
  {
    name: "copies go to an endpoint that never accepts",
    mirror: "black hole",
    timeouts: "connect: 500ms",
    expect: { ...COPIED, counters: { ...COPIED.counters, upstream_timeouts: [0, 1] } },
  },
];
