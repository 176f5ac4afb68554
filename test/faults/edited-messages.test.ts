/** Routes that change messages on their way: that each attempt is changed alike, and that a fault leaves no half of an edit. */
import assert from "node:assert/strict";
import { ENDS, NODE_ENDS, SERVED, cut, failed, served } from "./row.ts";
import type { Row, Scene } from "./row.ts";
import { themes } from "./theme.ts";

const EDITS =
  'rewrite: { add_prefix: /v1, host: upstream }, request_headers: { set: { X-Set: "<{header.X-A}>" }, remove: [X-Debug], rename: { X-Old: X-New } }, request_id: true';
const ANSWER_EDITS =
  'response_headers: { set: { X-Set: "{query.q}" }, remove: [Server], rename: { X-Old: X-New } }, security_headers: strict, rewrite_location: true, rewrite_cookies: { domain: a.test, secure: true }';
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const FIELDS = ["X-A: a", "X-Debug: 1", "X-Old: old"];
/** Fields of an endpoint, all of which `ANSWER_EDITS` changes. */
const CHANGED =
  "Server: x\r\nX-Old: old\r\nSet-Cookie: s=1; Domain=inner\r\nSet-Cookie: t=2; Domain=inner\r\nX-Frame-Options: ALLOWALL\r\n";
const FRAME = /^X-Frame-Options: DENY\r$/im;
const REFUSED = { upstream_connect_failures: 1, origin_failures: 1, retries: 1 } as const;

const sends = ({ client, get }: Scene): Promise<void> => client.send(get(FIELDS));

/** Every request of the row is edited whole and once, and all have the same id. */
function eachEdited({ origin, second, path }: Scene): void {
  const heads = [
    ...origin.requests.map(({ head }) => [head, origin.port] as const),
    ...second.requests.map(({ head }) => [head, second.port] as const),
  ];
  assert.ok(heads.length > 0);
  for (const [head, port] of heads) {
    assert.match(head, new RegExp(`^[A-Z]+ /v1${path} HTTP/1\\.1\r\nHost: 127\\.0\\.0\\.1:${port}\r\n`));
    const named = (name: string): string[] => [...head.matchAll(new RegExp(`^${name}: (.*)\r$`, "gim"))].map(([, value = ""]) => value);
    assert.deepEqual([named("X-Set"), named("X-New"), named("X-Old"), named("X-Debug")], [["<a>"], ["old"], [], []], head);
    assert.equal(named("X-Request-Id").length, 1, head);
  }
  const ids = new Set(heads.map(([head]) => /^x-request-id: (.*)\r$/im.exec(head)?.[1]));
  assert.equal(ids.size, 1);
}

/** The response has every edit, and nothing of what they replace. */
function answerEdited({ client }: Scene): void {
  const head = client.received.slice(0, client.received.indexOf("\r\n\r\n") + 2);
  // Names come in lower case from a program that answers with a Response.
  for (const line of [
    "X-New: old",
    "Set-Cookie: s=1; Domain=a.test; Secure",
    "Set-Cookie: t=2; Domain=a.test; Secure",
    "X-Frame-Options: DENY",
  ])
    assert.ok(head.toLowerCase().includes(`\r\n${line.toLowerCase()}\r\n`), head);
  assert.doesNotMatch(head, /^(server|x-old):|inner|ALLOWALL/im);
}

const rows: Row[] = [
  {
    name: "the endpoint refuses: the next one gets the same edits, and its own host",
    endpoints: ["refused", "origin"],
    route: EDITS,
    client: sends,
    expect: { ...served(), log: { status: 200, outcome: "completed", attempts: 2 }, counters: REFUSED },
    also: eachEdited,
  },
  {
    name: "the endpoint resets before its answer: the next one gets the same edits, and its own host",
    endpoints: ["origin", "second"],
    route: EDITS,
    client: sends,
    origin: ({ connection }) => connection.reset(),
    expect: {
      answer: SERVED,
      log: { status: 200, outcome: "completed", attempts: 2 },
      client: "open",
      origin: "closed",
      counters: { retries: 1, origin_failures: 1 },
    },
    also: eachEdited,
  },
  {
    name: "a pooled connection is lost: the request is edited anew",
    route: EDITS,
    warm: true,
    client: sends,
    origin: ({ connection }) => (connection.requests > 1 ? connection.reset() : connection.send(OK)),
    expect: {
      answer: SERVED,
      log: { status: 200, outcome: "completed", attempts: 2 },
      client: "open",
      origin: "closed",
      counters: { retries: 1, origin_failures: [0, 1] },
    },
    also: eachEdited,
  },
  {
    name: "the head comes byte by byte",
    route: EDITS,
    client: ({ client, get }) => client.trickle(get(FIELDS), 1),
    expect: served(),
    also: eachEdited,
  },
  {
    name: "the client leaves in the middle of its body",
    route: EDITS,
    client: async ({ client, head, reached }) => {
      await client.send(`${head("POST", [...FIELDS, "Content-Length: 10"])}hello`);
      const connection = await reached();
      await connection.until(({ received }) => received.endsWith("hello"), "the part of the body");
      client.reset();
    },
    origin: () => {},
    expect: {
      answer: "unseen",
      log: { status: 499, outcome: /^client_(gone|reset)$/ },
      client: "left",
      origin: "closed",
      counters: { client_aborts: 1 },
    },
    also: eachEdited,
  },
  {
    name: "the client half-closes, the endpoint thinks",
    route: EDITS,
    client: async ({ client, get }) => {
      await client.send(get(FIELDS));
      client.halfClose();
    },
    origin: async ({ connection }, { client }) => {
      await client.finArrived();
      await connection.send(OK);
    },
    expect: { ...served(), client: "closed" },
    throughHost: { ...NODE_ENDS, also: () => {} },
    also: eachEdited,
  },
  {
    name: "an upgrade of the rewritten request is refused",
    route: EDITS,
    client: ({ client, get }) =>
      client.send(
        get([
          ...FIELDS,
          "Connection: Upgrade",
          "Upgrade: websocket",
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
          "Sec-WebSocket-Version: 13",
        ]),
      ),
    origin: async ({ connection }) => {
      await connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    },
    expect: {
      answer: { status: 403, body: "no" },
      log: { status: 403, outcome: "completed" },
      client: "open",
      origin: "reused",
    },
    throughHost: ENDS,
    also: eachEdited,
  },
  // ---- edits of the answer ----
  {
    name: "the endpoint's head comes byte by byte",
    route: ANSWER_EDITS,
    origin: ({ connection }) => connection.sendBytewise(`HTTP/1.1 200 OK\r\n${CHANGED}Content-Length: 2\r\n\r\nok`),
    expect: served(),
    also: answerEdited,
  },
  {
    name: "the endpoint resets inside its head",
    route: ANSWER_EDITS,
    origin: async ({ connection }) => {
      await connection.send(`HTTP/1.1 200 OK\r\n${CHANGED}`);
      connection.end();
    },
    expect: failed(502, "connection_terminated", "connection_terminated", { origin_failures: 1 }),
    also: ({ client }) => assert.doesNotMatch(client.received, /inner|ALLOWALL|x-old/i),
  },
  {
    name: "the endpoint resets after its head",
    route: ANSWER_EDITS,
    origin: async ({ connection }, { client }) => {
      await connection.send(`HTTP/1.1 200 OK\r\n${CHANGED}Content-Length: 10\r\n\r\nhello`);
      await client.until(({ received }) => received.endsWith("hello"), "the part of the body");
      connection.reset();
    },
    expect: cut("connection_terminated", "hello", { origin_failures: 1 }),
    also: answerEdited,
  },
  {
    name: "an interim response passes, the final one is edited",
    route: ANSWER_EDITS,
    origin: ({ connection }) =>
      connection.send(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n${CHANGED}Content-Length: 2\r\n\r\nok`),
    expect: { ...served(), answer: { status: 200, body: "ok", interim: [103] } },
    also: ({ client }) => assert.match(client.received, FRAME),
  },
  {
    name: "security_headers where the endpoint refuses",
    endpoints: ["refused"],
    route: ANSWER_EDITS,
    expect: failed(502, "connection_refused", "connection_refused", { upstream_connect_failures: 1, origin_failures: 1 }, "unreached"),
    also: ({ client }) => assert.match(client.received, FRAME),
  },
  // ---- split ----
  {
    name: "the side that was chosen refuses: the other one is not asked",
    endpoints: ["refused"],
    end: (upstream) => `split: [{ upstream: ${upstream}, weight: 1 }, { upstream: plain-0, weight: 0 }]`,
    expect: failed(502, "connection_refused", "connection_refused", { upstream_connect_failures: 1, origin_failures: 1 }, "unreached"),
  },
  {
    name: "the side that was chosen breaks off, and has set its cookie",
    end: (upstream) => `split: [{ upstream: ${upstream}, weight: 1 }], split_by: { cookie: side }`,
    origin: async ({ connection }) => {
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
      connection.end();
    },
    expect: cut("connection_terminated", "hello", { origin_failures: 1 }),
    also: ({ client }) => assert.match(client.received, /^Set-Cookie: side=[^\r]*\r$/im),
  },
];

themes("edited messages", rows, { same: 12, differ: 2, leftOut: 0, notByFetch: 0 });
