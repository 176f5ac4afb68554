/** The client is gone at each phase of its exchange: nobody works for it any longer, and nobody else notices. */
import assert from "node:assert/strict";
import { NODE_ENDS, NO_REQUEST, served } from "./row.ts";
import type { Expectation, Row, Scene } from "./row.ts";
import { themes } from "./theme.ts";
import type { OriginRequest } from "../support/scripted-origin.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const NOBODY: Expectation = { answer: "unseen", log: null, client: "left", origin: "unreached" };
/** Gone before a response head was there. */
const LEFT: Expectation = {
  answer: "unseen",
  log: { status: 499, outcome: /^client_(gone|reset)$/ },
  client: "left",
  origin: "closed",
  counters: { client_aborts: 1 },
};
/** Gone while the response came: its status is the origin's. */
const LEFT_INSIDE: Expectation = { ...LEFT, log: { status: 200, outcome: /^client_(gone|reset)$/ } };

const ENDED_BY_NODE = { leftOut: 'Node ends the connection of a client that half-closes, as in "half-closes behind the request"' };

const WAYS = ["resets", "closes"] as const;
function leave({ client }: Scene, how: (typeof WAYS)[number]): void {
  if (how === "resets") client.reset();
  else client.leave();
}

/** The answer says that the connection ends where the proxy knew by then. */
async function answerAHalfClosed({ connection }: OriginRequest, { client }: Scene): Promise<void> {
  await client.finArrived();
  await connection.send(OK);
}

const rows: Row[] = [
  ...WAYS.flatMap((how): Row[] => [
    { name: `${how} without a word`, client: (scene) => leave(scene, how), expect: NOBODY },
    {
      name: `${how} between two requests`,
      warm: true,
      client: (scene) => leave(scene, how),
      // The connection to the origin served the request before and is none of the client's.
      expect: NOBODY,
    },
    {
      name: `${how} while the origin thinks`,
      client: async (scene) => {
        await scene.client.send(scene.get());
        await scene.reached();
        leave(scene, how);
      },
      origin: () => {},
      expect: LEFT,
    },
    {
      name: `${how} while the origin thinks, the body was complete`,
      client: async (scene) => {
        await scene.client.send(`${scene.head("POST", ["Content-Length: 3"])}abc`);
        await scene.reached();
        await scene.origin.requests[0]?.whole();
        leave(scene, how);
      },
      origin: () => {},
      expect: LEFT,
    },
    {
      name: `${how} behind an interim response`,
      client: async (scene) => {
        await scene.client.send(scene.get());
        await scene.client.until(({ received }) => received.includes("103 Early Hints"), "the interim response");
        leave(scene, how);
      },
      origin: ({ connection }) => connection.send("HTTP/1.1 103 Early Hints\r\n\r\n"),
      expect: LEFT,
      notByFetch: "a Response has no interim responses",
    },
    {
      name: `${how} while a response with Content-Length flows`,
      client: async (scene) => {
        await scene.client.send(scene.get());
        await scene.client.until(({ received }) => received.length > 100_000, "a part of the body");
        leave(scene, how);
      },
      origin: async ({ connection }) => {
        await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        await connection.flood("x".repeat(64 * 1024));
      },
      expect: LEFT_INSIDE,
    },
    {
      name: `${how} while a chunked response flows`,
      client: async (scene) => {
        await scene.client.send(scene.get());
        await scene.client.until(({ received }) => received.length > 100_000, "a part of the body");
        leave(scene, how);
      },
      origin: async ({ connection }) => {
        await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        await connection.flood(`8000\r\n${"x".repeat(0x8000)}\r\n`);
      },
      expect: LEFT_INSIDE,
    },
    {
      name: `${how} without reading a response that flows`,
      client: async (scene) => {
        scene.client.stopReading();
        await scene.client.send(scene.get());
      },
      origin: async ({ connection }, scene) => {
        await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        await connection.fill("x".repeat(64 * 1024));
        leave(scene, how);
      },
      expect: LEFT_INSIDE,
    },
    {
      name: `${how} behind its answer`,
      client: async (scene) => {
        await scene.client.send(scene.get());
        await scene.client.until(({ received }) => received.endsWith("ok"), "the answer");
        leave(scene, how);
      },
      expect: { ...served(), answer: "unseen", client: "left" },
    },
  ]),
  {
    name: "resets while the origin thinks, with a next request behind",
    client: async ({ client, get, path, reached }) => {
      await client.send(get() + get().replace(path, `${path}/plain`));
      await reached();
      client.reset();
    },
    origin: () => {},
    expect: LEFT,
    // Node hands over the next request before the first one is answered.
    throughHost: { expect: { counters: { client_aborts: [1, 2] } } },
  },
  {
    name: "resets inside the request head",
    client: async ({ client }) => {
      await client.send("GET / HTTP/1.1\r\nHos");
      client.reset();
    },
    expect: NOBODY,
  },
  {
    name: "resets while a response stands still",
    client: async ({ client, get }) => {
      await client.send(get());
      await client.until(({ received }) => received.includes("begun,"), "the part of the body");
      client.reset();
    },
    origin: ({ connection }) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nbegun,"),
    expect: LEFT_INSIDE,
    beyondTlsStreams: true,
  },

  // ---- half-closes: a client that has said everything may still listen ----
  {
    name: "half-closes inside the request head",
    client: async ({ client, path }) => {
      await client.send(`GET ${path} HTTP/1.1\r\nHos`);
      client.halfClose();
    },
    expect: {
      answer: { status: 400, error: "http_request_error" },
      log: { status: 400, outcome: "incomplete", attempts: 0 },
      client: "closed",
      origin: "unreached",
      counters: { malformed_requests: 1 },
    },
    throughHost: NO_REQUEST,
  },
  {
    name: "half-closes behind the request",
    client: async ({ client, get }) => {
      await client.send(get());
      client.halfClose();
    },
    origin: answerAHalfClosed,
    expect: { ...served(), client: "closed" },
    throughHost: NODE_ENDS,
  },
  {
    name: "half-closes behind the request, HTTP/1.0",
    client: async ({ client, head }) => {
      await client.send(head("GET", [], "HTTP/1.0"));
      client.halfClose();
    },
    origin: async ({ connection }, { client }) => {
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nbegun,");
      await client.until(({ received }) => received.includes("begun,"), "the part of the body");
      await connection.send(" done!");
    },
    expect: { ...served("begun, done!"), client: "closed" },
    throughHost: ENDED_BY_NODE,
  },
  {
    name: "half-closes while the origin thinks, and the origin thinks on",
    client: async ({ client, get, reached }) => {
      await client.send(get());
      await reached();
      client.halfClose();
    },
    origin: async ({ connection }, { client }) => {
      await client.until(({ received }) => received.split("100 Continue").length === 3, "the proxy's questions whether it is there");
      await connection.send(OK);
    },
    expect: { ...served(), answer: { status: 200, body: "ok", interim: [100, 100] }, client: "closed" },
    throughHost: ENDED_BY_NODE,
  },
  {
    name: "half-closes while a large response flows",
    client: async ({ client, get }) => {
      await client.send(get());
      await client.until(({ received }) => received.length > 100_000, "a part of the body");
      client.halfClose();
    },
    origin: ({ connection }) => connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n${"x".repeat(3_000_000)}`),
    // The head went out before: it could not say that the connection ends.
    expect: { ...served("x".repeat(3_000_000)), answer: "unseen", client: "left" },
    also: async ({ client }) => {
      const verdict = await client.verdict();
      assert.equal(verdict.kind, "answer");
      await client.until((each) => each.over, "the end of the connection");
    },
    throughHost: ENDED_BY_NODE,
  },
  {
    name: "half-closes behind two requests",
    client: async ({ client, get, path }) => {
      await client.send(get() + get().replace(path, `${path}/plain`));
      client.halfClose();
      await client.until(({ received }) => received.split("HTTP/1.1 200 OK").length === 3, "both answers");
      await client.until((each) => each.over, "the end of the connection");
    },
    expect: { ...served(), answer: "unseen", client: "left" },
    throughHost: ENDED_BY_NODE,
  },
];

themes("the client leaves", rows, { same: 20, differ: 2, leftOut: 5, notByFetch: 2 });
