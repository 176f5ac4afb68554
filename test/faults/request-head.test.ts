/** What the client sends is no request, or does not come to an end: it is refused, and nothing of it reaches an origin. */
import { NO_REQUEST, served } from "./row.ts";
import type { Answer, Expectation, Row } from "./row.ts";
import { themes } from "./theme.ts";

function refused(answer: Answer & { readonly status: number }, outcome: string | RegExp): Expectation {
  return {
    answer,
    log: { status: answer.status, outcome, attempts: 0 },
    client: "closed",
    origin: "unreached",
    counters: { malformed_requests: 1 },
  };
}

const MALFORMED = { status: 400, error: "http_request_error" } as const;

/** This comes instead of a request. */
function instead(name: string, text: string, answer: Answer & { readonly status: number } = MALFORMED): Row {
  return {
    name,
    client: ({ client, path }) => client.send(text.replace("PATH", path)),
    expect: refused(answer, /^[a-z_]+$/),
    throughHost: NO_REQUEST,
  };
}

/** A request that begins like this and then goes on with the same bytes for as long as they are taken. */
function endless(name: string, begin: string, more: string, answer: Answer & { readonly status: number }, outcome: string): Row {
  return {
    name,
    client: async ({ client, path }) => {
      await client.send(begin.replace("PATH", path));
      await client.flood(more, 1024 * 1024);
    },
    expect: refused(answer, outcome),
    throughHost: NO_REQUEST,
  };
}

const rows: Row[] = [
  instead("garbage", "this is no request, is it?\r\n\r\n"),
  instead("zero bytes", "\0".repeat(1000)),
  instead("a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".padEnd(517, "\x42")),
  instead("an answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
  instead("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", { status: 505 }),
  instead("a request of HTTP/0.9", "GET /\r\n"),
  instead("no Host", "GET PATH HTTP/1.1\r\n\r\n"),
  endless(
    "a head that never ends, line after line",
    "GET PATH HTTP/1.1\r\nHost: a.test\r\n",
    "X: 1\r\n",
    { status: 431 },
    "too_many_fields",
  ),
  endless(
    "a head that never ends, in long lines",
    "GET PATH HTTP/1.1\r\nHost: a.test\r\n",
    `X: ${"x".repeat(4000)}\r\n`,
    { status: 431 },
    "head_too_large",
  ),
  endless("a field line that never ends", "GET PATH HTTP/1.1\r\nHost: a.test\r\nX: ", "x".repeat(1000), { status: 431 }, "head_too_large"),
  endless("a request line that never ends", "GET /", "x".repeat(1000), { status: 414 }, "start_line_too_long"),
  endless("a method that never ends", "GET", "T".repeat(1000), { status: 501 }, "method_too_long"),
  endless("empty lines that never end", "\r\n", "\r\n\r\n", MALFORMED, "empty_lines"),
  {
    name: "a head in packets of one byte",
    client: ({ client, get }) => client.trickle(get(), 0),
    expect: served(),
  },
  {
    name: "a head and a chunked body in packets of one byte",
    client: ({ client, head }) => client.trickle(`${head("POST", ["Transfer-Encoding: chunked"])}5;ext=1\r\nhello\r\n0\r\n\r\n`, 0),
    origin: async (request) => {
      await request.whole();
      await request.connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    },
    expect: served(),
  },
];

themes("request head", rows, { same: 2, differ: 0, leftOut: 13, notByFetch: 0 });
