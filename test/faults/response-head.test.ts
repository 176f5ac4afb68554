/** The origin gets the request, and what should become a response head goes wrong. */
import assert from "node:assert/strict";
import { SERVED, failed, served } from "./row.ts";
import type { Expectation, Row } from "./row.ts";
import { themes } from "./theme.ts";

const TERMINATED = failed(502, "connection_terminated", "connection_terminated", { origin_failures: 1 });
const MALFORMED = failed(502, "http_protocol_error", "malformed_response", { origin_failures: 1 });
const SECOND_TRY: Expectation = {
  answer: SERVED,
  log: { status: 200, outcome: "completed", attempts: 2 },
  client: "open",
  origin: "closed",
  counters: { origin_failures: 1, retries: 1 },
};
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const PART = "HTTP/1.1 200 OK\r\nContent-Le";

/** What comes instead of a response; the connection then stays open. */
function instead(name: string, text: string): Row {
  return { name, origin: ({ connection }) => connection.send(text), expect: MALFORMED };
}

const rows: Row[] = [
  { name: "reset before the head", origin: ({ connection }) => connection.reset(), expect: TERMINATED },
  { name: "closed before the head", origin: ({ connection }) => connection.end(), expect: TERMINATED },
  {
    name: "reset before the head of the answer to HEAD",
    client: ({ client, head }) => client.send(head("HEAD", [])),
    toHead: true,
    origin: ({ connection }) => connection.reset(),
    expect: TERMINATED,
  },
  {
    name: "reset before the head, HTTP/1.0 client",
    client: ({ client, head }) => client.send(head("GET", [], "HTTP/1.0")),
    origin: ({ connection }) => connection.reset(),
    expect: { ...TERMINATED, client: "closed" },
  },
  {
    name: "reset inside the head",
    origin: async ({ connection }) => {
      await connection.send(PART);
      connection.reset();
    },
    expect: TERMINATED,
  },
  {
    name: "closed inside the head",
    origin: async ({ connection }) => {
      await connection.send(PART);
      connection.end();
    },
    expect: TERMINATED,
  },
  {
    name: "reset behind an interim response",
    origin: async ({ connection }) => {
      await connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
      connection.reset();
    },
    expect: { ...TERMINATED, answer: { status: 502, error: "connection_terminated", interim: [103] } },
  },
  {
    name: "closed behind the head of a body that ends with the connection",
    origin: async ({ connection }) => {
      await connection.send("HTTP/1.1 200 OK\r\n\r\n");
      connection.end();
    },
    expect: served("", "closed"),
  },

  {
    name: "reset before the head, GET, then a live endpoint",
    endpoints: ["origin", "second"],
    origin: ({ connection }) => connection.reset(),
    expect: SECOND_TRY,
  },
  {
    name: "closed before the head, PUT with its body, then a live endpoint",
    endpoints: ["origin", "second"],
    client: ({ client, head }) => client.send(`${head("PUT", ["Content-Length: 3"])}abc`),
    origin: async (request) => {
      await request.whole();
      request.connection.end();
    },
    expect: SECOND_TRY,
    also: ({ second }) => assert.equal(second.requests[0]?.body(), "abc"),
  },
  {
    name: "reset before the head, POST with its body, a live endpoint is not tried",
    endpoints: ["origin", "second"],
    client: ({ client, head }) => client.send(`${head("POST", ["Content-Length: 3"])}abc`),
    origin: async (request) => {
      await request.whole();
      request.connection.reset();
    },
    expect: TERMINATED,
    also: ({ second }) => assert.equal(second.requests.length, 0),
  },
  {
    name: "reset inside the head, GET, a live endpoint is not tried",
    endpoints: ["origin", "second"],
    origin: async ({ connection }) => {
      await connection.send(PART);
      connection.reset();
    },
    expect: TERMINATED,
    also: ({ second }) => assert.equal(second.requests.length, 0),
  },
  {
    name: "garbage instead of a head, GET, a live endpoint is not tried",
    endpoints: ["origin", "second"],
    origin: ({ connection }) => connection.send("garbage\r\n\r\n"),
    expect: MALFORMED,
    also: ({ second }) => assert.equal(second.requests.length, 0),
  },

  instead("garbage", "this is no HTTP at all, is it?\r\n\r\n"),
  instead("the greeting of another protocol", "SSH-2.0-OpenSSH_9.9\r\n"),
  instead("a body without a head, as HTTP/0.9 had it", "<html><body>hello</body></html>\r\n"),
  instead("a TLS alert", "\x15\x03\x03\x00\x02\x02\x28"),
  instead("an HTTP/2 frame", "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0d\0\x04\0\0\xff\xff"),
  instead("another major version", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  instead("a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok"),
  instead("a field line without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nok"),
  instead("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"),
  instead(
    "a length and a transfer coding",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
  ),
  instead("a switch of protocols that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
  instead("zero bytes", "\0".repeat(1000)),

  {
    name: "a head that never ends, line after line",
    origin: async ({ connection }) => {
      await connection.send("HTTP/1.1 200 OK\r\n");
      await connection.flood("X-Filler: 0123456789\r\n".repeat(50));
    },
    expect: MALFORMED,
  },
  {
    name: "a head that never ends, in one line",
    origin: async ({ connection }) => {
      await connection.send("HTTP/1.1 200 OK\r\nX-Filler: ");
      await connection.flood("0123456789".repeat(100));
    },
    expect: MALFORMED,
  },
  {
    name: "a status line that never ends",
    origin: async ({ connection }) => {
      await connection.send("HTTP/1.1 200 ");
      await connection.flood("OK, ".repeat(250));
    },
    expect: MALFORMED,
  },
  {
    name: "interim responses that never end",
    origin: ({ connection }) => connection.flood("HTTP/1.1 100 Continue\r\n\r\n"),
    expect: MALFORMED,
    also: ({ client }) => assert.ok(client.received.split("HTTP/1.1 100 ").length <= 100, "they are bounded at the client too"),
  },
  {
    name: "interim responses that never end, in one read",
    origin: ({ connection }) => connection.flood("HTTP/1.1 102 Processing\r\n\r\n".repeat(500)),
    expect: MALFORMED,
    also: ({ client }) => assert.ok(client.received.split("HTTP/1.1 102 ").length <= 100, "they are bounded at the client too"),
  },
  {
    name: "interim responses that never end, HTTP/1.0 client",
    client: ({ client, head }) => client.send(head("GET", [], "HTTP/1.0")),
    origin: ({ connection }) => connection.flood("HTTP/1.1 100 Continue\r\n\r\n"),
    expect: { ...MALFORMED, answer: { status: 502, error: "http_protocol_error", interim: [] }, client: "closed" },
  },

  { name: "a head in packets of one byte", origin: ({ connection }) => connection.sendBytewise(OK), expect: served() },
  {
    name: "an interim response and a head in packets of one byte",
    origin: ({ connection }) => connection.sendBytewise(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`),
    expect: { ...served(), answer: { status: 200, body: "ok", interim: [103] } },
  },
  {
    name: "half-closed behind the response",
    origin: async ({ connection }) => {
      await connection.send(OK);
      connection.end();
    },
    expect: served("ok", "closed"),
  },
  {
    name: "reset behind the response",
    origin: async ({ connection }) => {
      await connection.send(OK);
      connection.reset();
    },
    expect: served("ok", "closed"),
  },
];

themes("response head", rows, { same: 35, differ: 0, leftOut: 0, notByFetch: 0 });
