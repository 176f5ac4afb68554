/** Bodies that a route holds in memory (`buffer`): a request's before the origin is asked, a response's for a slow client. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { LINGERS, LISTENERS, cut, served } from "./row.ts";
import type { Row } from "./row.ts";
import { themes } from "./theme.ts";

/** What this many bytes may need on a busy machine: less than the limits that could end a row. */
const LARGE_WITHIN_MS = 5000;
/** More than the kernel holds between two ends: the client must read for the origin to be done, unless the proxy holds the body. */
const HELD = 20_000_000;

/** A description of an API with the paths of all rows: bodies are objects in JSON. */
const VALIDATE = `validate: { openapi: ${fileURLToPath(new URL("./anything.openapi.json", import.meta.url))}, responses: enforce }`;
const JSON_TYPE = "Content-Type: application/json";

const rows: Row[] = [
  // ---- a body that is held before the origin is asked ----
  {
    name: "request, the client stalls inside it",
    listener: "hasty",
    route: "buffer: { request: 1MiB }",
    client: ({ client, head }) => client.send(`${head("POST", ["Content-Length: 10"])}abc`),
    expect: {
      answer: { status: 408 },
      log: { status: 408, outcome: "request_timeout", attempts: 0 },
      client: "closed",
      origin: "unreached",
      counters: { request_timeouts: 1 },
      limitMs: LISTENERS.hasty,
    },
    throughHost: LINGERS,
  },
  ...(["resets", "half-closes"] as const).map((how): Row => ({
    name: `request, the client ${how} inside it`,
    route: "buffer: { request: 1MiB }",
    client: async ({ client, head, gauge }) => {
      await client.send(`${head("POST", ["Transfer-Encoding: chunked"])}5\r\nhello\r\n`);
      await gauge("exchanges_in_flight", 1);
      if (how === "resets") client.reset();
      else client.halfClose();
    },
    expect: {
      answer: "unseen",
      log: { status: 499, outcome: /^client_(gone|reset)$/, attempts: 0 },
      client: "left",
      origin: "unreached",
      counters: { client_aborts: 1 },
    },
  })),
  {
    name: "request, malformed",
    route: "buffer: { request: 1MiB }",
    client: async ({ client, head }) => {
      await client.send(`${head("POST", ["Transfer-Encoding: chunked"])}5\r\nhello\r\n`);
      await client.send("zz\r\n");
    },
    expect: {
      answer: { status: 400, error: "http_request_error" },
      log: { status: 400, outcome: "bad_chunk_size", attempts: 0 },
      client: "closed",
      origin: "unreached",
      counters: { malformed_requests: 1 },
    },
    throughHost: {
      expect: { answer: { status: 400 }, log: { status: 499, outcome: "client_gone", attempts: 0 }, counters: { client_aborts: 1 } },
    },
  },
  {
    name: "request, sent byte after byte in chunks: the origin gets it at once, with its length",
    route: "buffer: { request: 1MiB }",
    client: async ({ client, head }) => {
      await client.send(head("POST", ["Transfer-Encoding: chunked"]));
      await client.trickle("5\r\nhello\r\n0\r\n\r", 5);
      await client.send("\n");
    },
    expect: served(),
    also: ({ origin }) => {
      const [request] = origin.requests;
      assert.match(request?.head ?? "", /^Content-Length: 5\r$/m);
      assert.equal(request?.body(), "hello");
    },
  },
  {
    name: "request, a PUT that is reset once the origin has all of it, then a live endpoint",
    endpoints: ["origin", "second"],
    route: "buffer: { request: 1MiB }",
    client: ({ client, head }) => client.send(`${head("PUT", ["Content-Length: 300000"])}${"u".repeat(300_000)}`),
    origin: async (request) => {
      await request.whole();
      request.connection.reset();
    },
    expect: {
      answer: { status: 200, body: "ok" },
      log: { status: 200, outcome: "completed", attempts: 2 },
      client: "open",
      origin: "closed",
      counters: { origin_failures: 1, retries: 1 },
    },
    also: async ({ second }) => {
      await second.until(({ requests }) => requests[0]?.body().length === 300_000, "the whole body at the other endpoint");
    },
  },
  // ---- a body that is held to be checked ----
  {
    name: "checked request, the client stalls inside it",
    listener: "hasty",
    route: VALIDATE,
    client: ({ client, head }) => client.send(`${head("POST", [JSON_TYPE, "Content-Length: 10"])}{"a`),
    expect: {
      answer: { status: 408 },
      log: { status: 408, outcome: "request_timeout", attempts: 0 },
      client: "closed",
      origin: "unreached",
      counters: { request_timeouts: 1 },
      limitMs: LISTENERS.hasty,
    },
    throughHost: LINGERS,
  },
  {
    name: "checked response, reset inside it",
    route: VALIDATE,
    client: ({ client, get }) => client.send(get()),
    origin: async ({ connection }) => {
      await connection.send(`HTTP/1.1 200 OK\r\n${JSON_TYPE}\r\nContent-Length: 10\r\n\r\n{"a`);
      connection.reset();
    },
    expect: {
      answer: { status: 502, error: "connection_terminated" },
      log: { status: 502, outcome: "connection_terminated" },
      client: "open",
      origin: "closed",
      counters: { origin_failures: 1 },
    },
  },
  {
    name: "checked response, the client resets inside it",
    route: VALIDATE,
    client: async ({ client, get, reached, gauge }) => {
      await client.send(get());
      await reached();
      await gauge("in_flight_at_endpoints", 1);
      client.reset();
    },
    origin: ({ connection }) => connection.send(`HTTP/1.1 200 OK\r\n${JSON_TYPE}\r\nContent-Length: 10\r\n\r\n{"a`),
    expect: {
      answer: "unseen",
      log: { status: 499, outcome: /^client_(gone|reset)$/ },
      client: "left",
      origin: "closed",
      counters: { client_aborts: 1 },
    },
  },
  // ---- a body that is held for a slow client ----
  {
    name: "response, the client reads only when the origin is done",
    route: "buffer: { response: 64MiB }",
    client: async ({ client, get, reached, gauge }) => {
      client.stopReading();
      await client.send(get());
      await reached();
      await gauge("in_flight_at_endpoints", 0);
      client.readOn();
    },
    origin: ({ connection }) => connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${HELD}\r\n\r\n${"x".repeat(HELD)}`),
    expect: { ...served("x".repeat(HELD)), withinMs: LARGE_WITHIN_MS },
  },
  {
    name: "response, closed one byte before its end, the client reads only then",
    route: "buffer: { response: 64MiB }",
    client: async ({ client, get, reached, gauge }) => {
      client.stopReading();
      await client.send(get());
      await reached();
      await gauge("upstream_connections_open", 0);
      client.readOn();
    },
    origin: async ({ connection }) => {
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${HELD + 1}\r\n\r\n${"x".repeat(HELD)}`);
      connection.end();
    },
    expect: { ...cut("connection_terminated", "x".repeat(HELD), { origin_failures: 1 }), withinMs: LARGE_WITHIN_MS },
  },
  {
    name: "response, the client resets when the origin is done",
    route: "buffer: { response: 64MiB }",
    client: async ({ client, get, reached, gauge }) => {
      client.stopReading();
      await client.send(get());
      await reached();
      await gauge("in_flight_at_endpoints", 0);
      client.reset();
    },
    origin: ({ connection }) => connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${HELD}\r\n\r\n${"x".repeat(HELD)}`),
    expect: {
      answer: "unseen",
      log: { status: 200, outcome: /^client_(gone|reset)$/ },
      client: "left",
      origin: "reused",
      counters: { client_aborts: 1 },
    },
  },
];

themes("held bodies", rows, { same: 9, differ: 3, leftOut: 0, notByFetch: 0 });
