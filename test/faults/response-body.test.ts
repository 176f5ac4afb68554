/** The response's head went out, and then its body goes wrong: the client must see it, and never a fake end. */
import assert from "node:assert/strict";
import { cut, served } from "./row.ts";
import type { Expectation, Row } from "./row.ts";
import { themes } from "./theme.ts";

/** Every framing of a body, its first part, and the rest that makes it whole. */
const FRAMINGS = {
  length: { head: "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", part: "begun,", rest: " done!" },
  chunked: { head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", part: "6\r\nbegun,\r\n", rest: "6\r\n done!\r\n0\r\n\r\n" },
  "close-delimited": { head: "HTTP/1.1 200 OK\r\n\r\n", part: "begun,", rest: " done!" },
} as const;
type FramingName = keyof typeof FRAMINGS;
const NAMES: readonly FramingName[] = ["length", "chunked", "close-delimited"];

const LOST = cut("connection_terminated", "begun,", { origin_failures: 1 });
const MALFORMED = cut("malformed_response", "begun,", { origin_failures: 1 });
/** What three megabytes may need on a busy machine: less than the limits that could end a row. */
const LARGE_WITHIN_MS = 5000;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** The connection ends inside the body: at once behind the part, or when the client has the part. */
function ends(framing: FramingName, how: "reset" | "closed", when: "at once" | "later", version: "HTTP/1.1" | "HTTP/1.0"): Row {
  const { head, part } = FRAMINGS[framing];
  return {
    name: `${framing}, ${how} inside the body${when === "later" ? " once the client has a part" : ""}${version === "HTTP/1.0" ? ", HTTP/1.0 client" : ""}`,
    client: ({ client, head: request }) => client.send(request("GET", [], version)),
    origin: async ({ connection }, { client }) => {
      await connection.send(head + part);
      if (when === "later") await client.until(({ received }) => received.includes("begun,"), "the part of the body");
      if (how === "reset") connection.reset();
      else connection.end();
    },
    expect: framing === "close-delimited" && how === "closed" ? whole("begun,", version) : LOST,
    ...(version === "HTTP/1.0" && framing !== "length" && { beyondTlsStreams: true as const }),
  };
}

/** A body that is whole although its connection ended: for an HTTP/1.0 client the end of its own connection says so. */
function whole(body: string, version: "HTTP/1.1" | "HTTP/1.0"): Expectation {
  return { ...served(body, "closed"), client: version === "HTTP/1.0" ? "closed" : "open" };
}

const rows: Row[] = [
  ...NAMES.flatMap((framing) =>
    (["reset", "closed"] as const).flatMap((how) => [
      ends(framing, how, "at once", "HTTP/1.1"),
      ends(framing, how, "later", "HTTP/1.1"),
      ends(framing, how, "later", "HTTP/1.0"),
    ]),
  ),
  {
    name: "length, reset behind the head",
    origin: async ({ connection }) => {
      await connection.send(FRAMINGS.length.head);
      connection.reset();
    },
    expect: cut("connection_terminated", "", { origin_failures: 1 }),
  },
  {
    name: "length, closed one byte before the end of a large body",
    origin: async ({ connection }) => {
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 3000001\r\n\r\n${"x".repeat(3_000_000)}`);
      connection.end();
    },
    expect: { ...cut("connection_terminated", "x".repeat(3_000_000), { origin_failures: 1 }), withinMs: LARGE_WITHIN_MS },
  },
  ...[
    "6\r\nbegun,\r\n5",
    "6\r\nbegun,\r\n6\r\n don",
    "6\r\nbegun,\r\n6\r\n done!",
    "6\r\nbegun,\r\n0",
    "6\r\nbegun,\r\n0\r\n",
    "6\r\nbegun,\r\n0\r\nX-T: 1\r\n",
  ].map((body): Row => ({
    name: `chunked, closed behind ${JSON.stringify(body)}`,
    origin: async ({ connection }) => {
      await connection.send(FRAMINGS.chunked.head + body);
      connection.end();
    },
    expect: LOST,
  })),
  ...["zz\r\n", "-1\r\n", "6\r\n done!XX\r\n0\r\n\r\n", "6\n done!\r\n0\r\n\r\n", "ffffffffffffffff\r\n"].map((rest): Row => ({
    name: `chunked, then ${JSON.stringify(rest)}`,
    origin: ({ connection }) => connection.send(FRAMINGS.chunked.head + FRAMINGS.chunked.part + rest),
    expect: MALFORMED,
  })),
  {
    name: "chunked, then trailers that never end",
    origin: async ({ connection }) => {
      await connection.send(`${FRAMINGS.chunked.head}${FRAMINGS.chunked.part}0\r\n`);
      await connection.flood("X-Filler: 0123456789\r\n".repeat(50));
    },
    expect: MALFORMED,
  },

  ...NAMES.map((framing): Row => ({
    name: `${framing}, body in packets of one byte`,
    origin: async ({ connection }) => {
      await connection.sendBytewise(FRAMINGS[framing].head + FRAMINGS[framing].part + FRAMINGS[framing].rest);
      if (framing === "close-delimited") connection.end();
    },
    expect: served("begun, done!", framing === "close-delimited" ? "closed" : "reused"),
  })),
  {
    name: "length, more body than announced",
    origin: ({ connection }) => connection.send(`${OK} and more than that`),
    expect: served("ok", "closed"),
  },
  {
    name: "length, a second response behind the first",
    origin: ({ connection }) => connection.send(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled`),
    expect: served("ok", "closed"),
  },
  {
    name: "chunked, bytes behind the last chunk",
    origin: ({ connection }) => connection.send(`${FRAMINGS.chunked.head}${FRAMINGS.chunked.part}0\r\n\r\nand more`),
    expect: served("begun,", "closed"),
  },
  {
    name: "a body behind the head of the answer to HEAD",
    client: ({ client, head }) => client.send(head("HEAD", [])),
    toHead: true,
    origin: ({ connection }) => connection.send(OK),
    expect: served("", "closed"),
  },
  {
    name: "a body behind 204",
    origin: ({ connection }) => connection.send("HTTP/1.1 204 No Content\r\n\r\nunasked"),
    expect: { ...served("", "closed"), answer: { status: 204, body: "" }, log: { status: 204, outcome: "completed" } },
  },
  ...[
    ["204 with a coding", 204, "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["204 with a coding and a body in chunks", 204, "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
    ["204 with a length and a body", 204, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"],
    ["304 with a length and a coding", 304, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ].map(([name, status, text]): Row => ({
    name: String(name),
    origin: ({ connection }) => connection.send(String(text)),
    expect: {
      ...served("", "closed"),
      answer: { status: Number(status), body: "" },
      log: { status: Number(status), outcome: "completed" },
    },
    also: ({ client }) => assert.doesNotMatch(client.received, /content-length|transfer-encoding/i),
  })),
  {
    name: "204 with a length of nothing",
    origin: ({ connection }) => connection.send("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
    expect: { ...served(""), answer: { status: 204, body: "" }, log: { status: 204, outcome: "completed" } },
  },
  {
    name: "an interim response with a coding",
    origin: ({ connection }) => connection.send(`HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n${OK}`),
    expect: { ...served("ok", "closed"), answer: { status: 200, body: "ok", interim: [103] } },
    also: ({ client }) => assert.doesNotMatch(client.received, /transfer-encoding/i),
  },
  {
    name: "a body behind 304",
    origin: ({ connection }) => connection.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\nunasked"),
    expect: { ...served("", "closed"), answer: { status: 304, body: "" }, log: { status: 304, outcome: "completed" } },
  },
  {
    name: "says that it closes, and does not",
    origin: ({ connection }) => connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
    expect: served("ok", "closed"),
  },
  {
    name: "HTTP/1.0 without keep-alive, and does not close",
    origin: ({ connection }) => connection.send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    expect: served("ok", "closed"),
  },
  {
    name: "a large body in one go, then closed",
    origin: async ({ connection }) => {
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n${"x".repeat(3_000_000)}`);
      connection.end();
    },
    expect: { ...served("x".repeat(3_000_000), "closed"), withinMs: LARGE_WITHIN_MS },
  },
  {
    name: "a large body that ends with the connection",
    origin: async ({ connection }) => {
      await connection.send(`HTTP/1.1 200 OK\r\n\r\n${"x".repeat(3_000_000)}`);
      connection.end();
    },
    expect: { ...served("x".repeat(3_000_000), "closed"), withinMs: LARGE_WITHIN_MS },
  },
  {
    name: "what the client has is what the origin sent so far",
    client: async ({ client, get, reached }) => {
      await client.send(get());
      const connection = await reached();
      await client.until(({ received }) => received.includes("begun,"), "the part of the body");
      assert.ok(!client.received.includes("done!"));
      await connection.send(FRAMINGS.length.rest);
    },
    origin: ({ connection }) => connection.send(FRAMINGS.length.head + FRAMINGS.length.part),
    expect: served("begun, done!"),
  },
];

themes("response body", rows, { same: 52, differ: 0, leftOut: 0, notByFetch: 0 });
