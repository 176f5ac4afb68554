/** The origin cannot be reached, or is gone as soon as it was. */
import { LINGER_MS } from "../../src/net/refused-body.ts";
import { cannotTakeDescriptors, withoutDescriptors } from "./descriptors.ts";
import { ATTEMPT_ROWS } from "./route-attempts.ts";
import { SERVED, failed } from "./row.ts";
import type { Expectation, Row } from "./row.ts";
import { themes } from "./theme.ts";

const UNFINISHED = ["Content-Length: 1000000"];
const POST = ["Content-Length: 3"];

const REFUSED = failed(502, "connection_refused", "connection_refused", { upstream_connect_failures: 1, origin_failures: 1 }, "unreached");
/** The first endpoint failed, the second one answered. */
const SECOND_TRY: Expectation = {
  answer: SERVED,
  log: { status: 200, outcome: "completed", attempts: 2 },
  client: "open",
  origin: "reused",
  counters: { upstream_connect_failures: 1, origin_failures: 1, retries: 1 },
};
/** Nobody waits for the rest, and the endpoint is not to blame. */
const LEFT: Expectation = {
  answer: "unseen",
  log: { status: 499, outcome: /^client_(gone|reset)$/ },
  client: "left",
  origin: "unreached",
  counters: { client_aborts: 1 },
};

const rows: Row[] = [
  { name: "refused", endpoints: ["refused"], expect: REFUSED },
  {
    name: "refused, POST with its body",
    endpoints: ["refused"],
    client: async ({ client, head }) => client.send(`${head("POST", POST)}abc`),
    expect: REFUSED,
  },
  {
    name: "refused, the body still flows",
    endpoints: ["refused"],
    client: async ({ client, head }) => client.send(`${head("POST", UNFINISHED)}${"x".repeat(5000)}`),
    expect: { ...REFUSED, client: "closed" },
    // All other rows whose client lingers do not wait for this end.
    throughHost: { expect: { client: "closed", lingersMs: LINGER_MS } },
  },
  {
    name: "all refused",
    endpoints: ["refused", "refused too"],
    expect: {
      ...REFUSED,
      log: { status: 502, outcome: "connection_refused", attempts: 2 },
      counters: { upstream_connect_failures: 2, origin_failures: 2, retries: 1 },
    },
  },
  {
    name: "more refused than retries",
    endpoints: ["refused", "refused too", "refused as well"],
    retries: 1,
    expect: {
      ...REFUSED,
      log: { status: 502, outcome: "connection_refused", attempts: 2 },
      counters: { upstream_connect_failures: 2, origin_failures: 2, retries: 1 },
    },
  },
  {
    name: "refused, then a live endpoint",
    endpoints: ["refused", "origin"],
    expect: SECOND_TRY,
  },
  {
    name: "refused, then a live endpoint, POST that still flows",
    endpoints: ["refused", "origin"],
    client: async ({ client, head, reached }) => {
      await client.send(`${head("POST", ["Content-Length: 6"])}abc`);
      const connection = await reached();
      await connection.until(({ received }) => received.endsWith("abc"), "the part of the body that was there before the retry");
      await client.send("def");
    },
    origin: async (request) => {
      await request.whole();
      await request.connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n${request.body()}`);
    },
    expect: { ...SECOND_TRY, answer: { status: 200, body: "abcdef" } },
  },
  {
    name: "unroutable",
    endpoints: ["unroutable"],
    expect: failed(
      502,
      "destination_ip_unroutable",
      "destination_unroutable",
      { upstream_connect_failures: 1, origin_failures: 1 },
      "unreached",
    ),
  },
  {
    name: "unroutable, then a live endpoint",
    endpoints: ["unroutable", "origin"],
    expect: SECOND_TRY,
  },
  {
    name: "the connect is not answered",
    endpoints: ["black hole"],
    timeouts: "connect: 300ms",
    expect: {
      ...failed(504, "connection_timeout", "connection_timeout", { upstream_connect_failures: 1, upstream_timeouts: 1 }, "unreached"),
      limitMs: 300,
    },
  },
  {
    name: "the connect is not answered, then a live endpoint",
    endpoints: ["black hole", "origin"],
    timeouts: "connect: 300ms",
    // Steps of the origin come after the limit: what decides is the request.
    client: async ({ client, get, decide }) => {
      decide();
      await client.send(get());
    },
    expect: { ...SECOND_TRY, counters: { upstream_connect_failures: 1, upstream_timeouts: 1, retries: 1 }, limitMs: 300 },
  },
  {
    name: "the client resets while the connect is not answered",
    endpoints: ["black hole"],
    client: async ({ client, get, gauge }) => {
      await client.send(get());
      await gauge("upstream_connections_open", 1);
      client.reset();
    },
    expect: LEFT,
  },
  {
    name: "the client closes while the connect is not answered",
    endpoints: ["black hole"],
    client: async ({ client, get, gauge }) => {
      await client.send(get());
      await gauge("upstream_connections_open", 1);
      client.leave();
    },
    expect: LEFT,
  },
  {
    name: "the client resets its upload while the connect is not answered",
    endpoints: ["black hole"],
    client: async ({ client, head, gauge }) => {
      await client.send(`${head("POST", UNFINISHED)}${"x".repeat(5000)}`);
      await gauge("upstream_connections_open", 1);
      client.reset();
    },
    expect: LEFT,
  },
  {
    name: "the client half-closes while the connect is not answered",
    endpoints: ["black hole"],
    timeouts: "connect: 300ms",
    client: async ({ client, get, decide }) => {
      decide();
      await client.send(get());
      client.halfClose();
    },
    expect: {
      answer: { status: 504, error: "connection_timeout" },
      log: { status: 504, outcome: "connection_timeout" },
      client: "closed",
      origin: "unreached",
      counters: { upstream_connect_failures: 1, upstream_timeouts: 1 },
      limitMs: 300,
    },
    throughHost: { expect: { ...LEFT, answer: "nothing", client: "closed", limitMs: 0 } },
  },
  {
    name: "accepted, then reset",
    onAccept: (connection) => connection.reset(),
    expect: {
      // The reset may come before the connect is noticed or behind it.
      ...failed(502, "connection_terminated", "connection_terminated", { origin_failures: 1, upstream_connect_failures: [0, 1] }),
    },
  },
  {
    name: "accepted, then closed",
    onAccept: (connection) => connection.end(),
    origin: () => {},
    expect: failed(502, "connection_terminated", "connection_terminated", { origin_failures: 1 }),
  },
  {
    name: "no descriptor is left for the connection",
    client: async ({ client, get, pid, gauge }) => {
      // Not yet accepted, the client's own connection would lack a descriptor too, and wait as long as the descriptors are taken.
      await gauge("connections_open", 1);
      await withoutDescriptors(pid, async () => {
        await client.send(get());
        await client.verdict();
      });
    },
    // Whether a lack of our own counts as a failed connect is not said anywhere.
    expect: failed(503, "connection_limit_reached", "connection_limit", { upstream_connect_failures: [0, 1] }, "unreached"),
    skip: cannotTakeDescriptors,
    throughHost: { leftOut: "the program accepts the client's connection, so no gauge of the proxy says when" },
  },
];

themes("connect", [...rows, ...ATTEMPT_ROWS], { same: 24, differ: 2, leftOut: 1, notByFetch: 0 });
