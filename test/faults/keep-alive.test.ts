/** What happens to a connection to the origin between two requests, and at the very moment of the second one. */
import assert from "node:assert/strict";
import type { OriginRequest } from "../support/scripted-origin.ts";
import { SERVED, failed, served } from "./row.ts";
import type { Expectation, Row, Scene } from "./row.ts";
import { themes } from "./theme.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/** The pooled connection was lost and a new one to the same origin answered; the client notices nothing. */
const REPLACED: Expectation = {
  answer: SERVED,
  log: { status: 200, outcome: "completed", attempts: 2 },
  client: "open",
  origin: "closed",
  // Losing a pooled connection is no failure of the origin's, or is one: both readings of the metric are fair.
  counters: { retries: 1, origin_failures: [0, 1] },
};
const MALFORMED_ANSWER = { status: 502, error: "http_protocol_error" } as const;
const MALFORMED = failed(502, MALFORMED_ANSWER.error, "malformed_response", { origin_failures: 1 });
const LOST = failed(502, "connection_terminated", "connection_terminated", { origin_failures: 1 });

/** Ends the pooled connection when the second request arrives on it, and answers on a new one. */
function endsPooled(how: "resets" | "closes"): (request: OriginRequest) => Promise<void> {
  return async (request) => {
    if (request.connection.requests === 1) {
      await request.whole();
      return request.connection.send(OK);
    }
    if (how === "resets") request.connection.reset();
    else request.connection.end();
  };
}

/** The idle connection that the warm-up left; waits until the proxy is rid of it. */
async function whenGone({ origin, gauge }: Scene): Promise<void> {
  const [connection] = origin.connections;
  await connection?.until((each) => each.closed || each.ended, "the proxy's FIN");
  connection?.socket.destroy();
  await gauge("upstream_connections_open", 0);
}

const rows: Row[] = [
  ...(["resets", "closes"] as const).flatMap((how): Row[] => [
    { name: `the origin ${how} as the request arrives, GET`, warm: true, origin: endsPooled(how), expect: REPLACED },
    {
      name: `the origin ${how} as the request arrives, GET, no retries configured`,
      warm: true,
      retries: 0,
      origin: endsPooled(how),
      expect: REPLACED,
    },
    {
      name: `the origin ${how} as the request arrives, PUT with its body`,
      warm: true,
      client: ({ client, head }) => client.send(`${head("PUT", ["Content-Length: 3"])}abc`),
      origin: endsPooled(how),
      expect: REPLACED,
      also: ({ origin }) => assert.equal(origin.requests.at(-1)?.body(), "abc"),
    },
    {
      name: `the origin ${how} as the request arrives, PROPFIND with its body`,
      warm: true,
      retries: 0,
      client: ({ client, head }) => client.send(`${head("PROPFIND", ["Depth: 0", "Content-Length: 3"])}abc`),
      origin: endsPooled(how),
      expect: REPLACED,
      also: ({ origin }) => assert.equal(origin.requests.at(-1)?.body(), "abc"),
    },
    {
      name: `the origin ${how} as the request arrives, LOCK without a body`,
      warm: true,
      client: ({ client, head }) => client.send(head("LOCK", [])),
      origin: endsPooled(how),
      expect: LOST,
    },
    {
      name: `the origin ${how} as the request arrives, POST with its body`,
      warm: true,
      client: ({ client, head }) => client.send(`${head("POST", ["Content-Length: 3"])}abc`),
      origin: endsPooled(how),
      expect: LOST,
    },
    {
      name: `the origin ${how} as the request arrives, POST without a body`,
      warm: true,
      client: ({ client, head }) => client.send(head("POST", ["Content-Length: 0"])),
      origin: endsPooled(how),
      expect: LOST,
    },
    {
      name: `the origin ${how} inside the head of its second answer`,
      warm: true,
      origin: async ({ connection }) => {
        await connection.send("HTTP/1.1 200 OK\r\nContent-");
        if (how === "resets") connection.reset();
        else connection.end();
      },
      expect: LOST,
    },
    {
      name: `the origin ${how} the idle connection`,
      warm: true,
      client: async (scene) => {
        const [connection] = scene.origin.connections;
        if (how === "resets") connection?.socket.resetAndDestroy();
        else connection?.end();
        await whenGone(scene);
        await scene.client.send(`${scene.head("POST", ["Content-Length: 3"])}abc`);
      },
      expect: served(),
    },
  ]),
  {
    name: "the new connection is lost as well",
    warm: true,
    origin: ({ connection }) => connection.reset(),
    expect: {
      ...LOST,
      log: { status: 502, outcome: "connection_terminated", attempts: 2 },
      counters: { retries: 1, origin_failures: [1, 2] },
    },
  },
  ...["GET", "POST"].flatMap((method): Row[] => {
    const client: Row["client"] = ({ client: one, head }) =>
      one.send(method === "GET" ? head("GET", []) : `${head("POST", ["Content-Length: 3"])}abc`);
    return [
      {
        name: `the first response's CRLF comes as the request arrives, ${method}`,
        warm: true,
        client,
        origin: ({ connection }) => connection.send(`\r\n${OK}`),
        expect: served("ok", "closed"),
      },
      {
        name: `the first response's CRLF comes as the request arrives, in packets of one byte, ${method}`,
        warm: true,
        client,
        origin: ({ connection }) => connection.sendBytewise(`\r\n\r\n${OK}`),
        expect: served("ok", "closed"),
      },
      ...(["resets", "closes"] as const).map((how): Row => ({
        name: `the first response's CRLF comes as the request arrives, and then the origin ${how}, ${method}`,
        warm: true,
        client,
        origin: async (request) => {
          if (request.connection.requests === 2) await request.connection.send("\r\n");
          await endsPooled(how)(request);
        },
        expect: method === "GET" ? REPLACED : LOST,
      })),
      ...["\n", "\r", "\r\r\n", "\r\n\n", "\r\nX", "\r\n".repeat(5)].map((bytes): Row => ({
        name: `${JSON.stringify(bytes)} comes before the second response, ${method}`,
        warm: true,
        client,
        origin: ({ connection }) => connection.send(`${bytes}${OK}`),
        expect: MALFORMED,
      })),
    ];
  }),
  {
    name: "a CRLF before a connection's first response",
    origin: ({ connection }) => connection.send(`\r\n${OK}`),
    expect: MALFORMED,
  },
  {
    name: "a CRLF behind an interim response",
    warm: true,
    origin: ({ connection }) => connection.send(`HTTP/1.1 103 Early Hints\r\n\r\n\r\n${OK}`),
    expect: { ...MALFORMED, answer: { ...MALFORMED_ANSWER, interim: [103] } },
  },
  {
    name: "a CRLF behind a response, in the same read",
    warm: true,
    origin: ({ connection }) => connection.send(`${OK}\r\n`),
    expect: served("ok", "closed"),
  },
  {
    name: "a CRLF on the idle connection",
    warm: true,
    client: async (scene) => {
      await scene.origin.connections[0]?.send("\r\n");
      await whenGone(scene);
      await scene.client.send(`${scene.head("POST", ["Content-Length: 3"])}abc`);
    },
    expect: served(),
  },
  {
    name: "unasked bytes on the idle connection",
    warm: true,
    client: async (scene) => {
      await scene.origin.connections[0]?.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled");
      await whenGone(scene);
      await scene.client.send(scene.get());
    },
    expect: served(),
  },
  {
    name: "an unasked 408 and a close on the idle connection",
    warm: true,
    client: async (scene) => {
      await scene.origin.connections[0]?.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      scene.origin.connections[0]?.end();
      await whenGone(scene);
      await scene.client.send(scene.get());
    },
    expect: served(),
  },
  {
    name: "an unasked interim response on the idle connection",
    warm: true,
    client: async (scene) => {
      await scene.origin.connections[0]?.send("HTTP/1.1 103 Early Hints\r\n\r\n");
      await whenGone(scene);
      await scene.client.send(scene.get());
    },
    expect: served(),
  },
  {
    name: "the origin closes behind each answer without a word, twenty requests",
    client: async ({ client, get }) => {
      for (let count = 0; count < 20; count++) {
        const verdict = await client.again(get());
        assert.equal(verdict.kind === "nothing" ? 0 : verdict.response.status, 200, `request ${count + 1}`);
      }
    },
    origin: async ({ connection }) => {
      await connection.send(OK);
      connection.end();
    },
    // One in a while may meet the pooled connection before its FIN is seen.
    expect: {
      ...served("ok", "closed"),
      log: { status: 200, outcome: "completed", attempts: [1, 2], lines: 20 },
      counters: { retries: [0, 19], origin_failures: [0, 19] },
    },
  },
  {
    name: "the idle connection is used again",
    warm: true,
    client: async ({ client, get, origin }) => {
      await client.send(get());
      await client.until(({ received }) => received.endsWith("ok"), "the answer");
      assert.equal(origin.connections.length, 1);
    },
    expect: served(),
  },
];

themes("keep-alive", rows, { same: 48, differ: 0, leftOut: 0, notByFetch: 0 });
