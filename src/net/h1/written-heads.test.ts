/** The writers keep the text of earlier heads. That must never show: each head is written as if it were the first. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { buildRequestHead } from "../../http/build-head.ts";
import { connectionOptions } from "../../http/connection-options.ts";
import type { FieldEdits } from "../../http/field-edits.ts";
import { RequestEdits, ResponseEdits } from "../../http/head-edits.ts";
import { ReplacedNames } from "../../http/replaced-names.ts";
import { DEFAULT_LIMITS, RESPONSE_LIMITS } from "../../http1/limits.ts";
import { Event } from "../../http1/message-reader.ts";
import { RequestReader } from "../../http1/request-reader.ts";
import { ResponseReader } from "../../http1/response-reader.ts";
import type { ClientFacts } from "../../proxy/ports/client-facts.ts";
import { AddedFields, requestHeadText } from "./request-writer.ts";
import { BodyMode, responseHeadText } from "./response-writer.ts";

const REQUEST_STARTS = [
  "GET / HTTP/1.1",
  "GET /a/longer/target?with=query HTTP/1.1",
  "GET http://a.test/ HTTP/1.1",
  "GET http://A.test HTTP/1.1",
  "HEAD / HTTP/1.0",
  "OPTIONS * HTTP/1.1",
];
const REQUEST_LINES = [
  ["Host: a.test"],
  ["Host: b.test"],
  ["Host: a.test", "Connection: keep-alive, X-Hop", "X-Hop: 1"],
  ["Host: a.test", "Connection: TE", "TE: trailers"],
  ["Host: a.test", "Max-Forwards: 3"],
  ["Host: a.test", "Authorization: Bearer first", "X-API-Key: first"],
  ["Host: a.test", "Authorization: Bearer second"],
  ["Host: a.test", "Expect: 100-continue", "Range: bytes=0-1"],
  ["Host: a.test", "X_Forwarded_For: 192.0.2.9", "X_Other: 1", "X-Forwarded-For: 192.0.2.9"],
  ["Host: a.test", "Connection: Upgrade", "Upgrade: websocket", "Proxy: x"],
  ["Host: a.test", "Client-Cert: :Zm9yZ2Vk:", "X-Other: 1"],
  ["Host: a.test", "X-Original-URL: /other", "X-Forwarded-Prefix: /theirs"],
];
/** Few values of each kind, so that consecutive messages resemble each other and can be confused. */
const requests = fc.array(
  fc
    .record({
      start: fc.constantFrom(...REQUEST_STARTS),
      lines: fc.constantFrom(...REQUEST_LINES),
      // Which of `routes` the message takes each time that it is sent: requests of one connection may take different routes.
      sends: fc.array(fc.nat(2), { minLength: 1, maxLength: 8 }),
      routes: fc.tuple(route(), route(), route()),
      peer: fc.constantFrom("192.0.2.1", "192.0.2.2"),
      peerTrusted: fc.constantFrom(false, false, true),
      secure: fc.boolean(),
      upgrade: fc.constantFrom("", "", "websocket", "tcp, spdy/3.1"),
      unsafeFieldNames: fc.constantFrom("drop" as const, "forward" as const),
      forwardedPathFields: fc.constantFrom("drop" as const, "drop" as const, "forward" as const),
      certificateLines: fc.constantFrom("", "", "Client-Cert: :AQ==:\r\n", "Client-Cert: :Ag==:\r\nClient-Cert-Chain: :Aw==:\r\n"),
    })
    .filter((one) => isAccepted(new RequestReader(DEFAULT_LIMITS), one)),
  { minLength: 1, maxLength: 8 },
);

/** What the route of a request decides: whether its upstream wants Via, and what its middleware does. */
interface OneRoute {
  readonly via: boolean;
  readonly xForwarded: boolean;
  readonly added: string;
  readonly fresh?: string;
  readonly removed: readonly string[];
  /** Length of a body that middleware puts in the place of the received one. */
  readonly bodyLength?: number | null;
  readonly authority?: string | null;
  readonly target?: string | null;
}

function route(): fc.Arbitrary<OneRoute> {
  return fc.record({
    via: fc.boolean(),
    xForwarded: fc.boolean(),
    bodyLength: fc.constantFrom(null, null, null, 0, 5, -1),
    authority: fc.constantFrom(null, null, "c.test", "d.test:8080"),
    target: fc.constantFrom(null, null, "/rewritten?with=query", "/other"),
    added: fc.constantFrom("", "", "X-Added: 1\r\n", "X-Added: 2\r\n"),
    fresh: fc.constantFrom("", "", "X-Id: 1\r\n", "X-Id: 2\r\n"),
    removed: fc.constantFrom<string[]>(
      [],
      [],
      ["x-other"],
      ["client-cert"],
      ["authorization"],
      ["authorization", "x-api-key"],
      ["x-api-key", "authorization"],
    ),
  });
}

test("requests of a connection are written as each would be alone", () => {
  fc.assert(
    fc.property(requests, (all) => {
      const reader = new RequestReader(DEFAULT_LIMITS);
      const added = new AddedFields();
      for (const { sends, routes, ...rest } of all) {
        for (const send of sends) {
          const one = { ...rest, ...(routes[send] ?? routes[0]) };
          const text = writeRequest(reader, added, one);
          assert.equal(text, writeRequest(new RequestReader(DEFAULT_LIMITS), new AddedFields(), one));
          reader.restart(reader.head);
        }
      }
    }),
    { numRuns: 1500 },
  );
});

interface OneRequest extends OneRoute {
  readonly start: string;
  readonly lines: readonly string[];
  readonly peer: string;
  readonly peerTrusted: boolean;
  readonly secure: boolean;
  readonly upgrade: string;
  readonly unsafeFieldNames: "drop" | "forward";
  readonly forwardedPathFields: "drop" | "forward";
  readonly certificateLines?: string;
}

function writeRequest(reader: RequestReader, added: AddedFields, one: OneRequest, detached: boolean = false): string {
  readHead(reader, one.start, one.lines);
  const request = detached ? reader.head.detach() : reader.head;
  const { peer, peerTrusted, secure, upgrade, unsafeFieldNames, forwardedPathFields, certificateLines = "" } = one;
  const facts = { ...factsOf(peer), trusted: peerTrusted, secure, unsafeFieldNames, forwardedPathFields, certificateLines };
  const endpoint = { authority: "origin.test:8080", via: one.via, xForwarded: one.xForwarded };
  return requestHeadText(
    { request, connection: connectionOptions(request), facts, isBackground: false, upgrade },
    editsOf(one),
    added,
    endpoint,
  );
}

test("the lines of a verified certificate go out in the place of received ones, but those that a route removes", () => {
  const certificateLines = "Client-Cert: :AQ==:\r\nClient-Cert-Chain: :Ag==:\r\n";
  const write = (removed: readonly string[], xForwarded: boolean): string => {
    const reader = new RequestReader(DEFAULT_LIMITS);
    readHead(reader, "GET / HTTP/1.1", ["Host: a.test", "client-cert: :Zm9yZ2Vk:"]);
    const { head: request } = reader;
    const facts = { ...factsOf("192.0.2.1"), certificateLines };
    const exchange = { request, connection: connectionOptions(request), facts, isBackground: false, upgrade: "" };
    return requestHeadText(exchange, editsOf({ added: "", removed }), new AddedFields(), { authority: "b.test", via: false, xForwarded });
  };
  const [start, rest] = [
    "GET / HTTP/1.1\r\nHost: a.test\r\n",
    "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.test\r\n\r\n",
  ];
  assert.equal(write([], true), `${start}${certificateLines}${rest}`);
  assert.equal(write(["client-cert-chain"], true), `${start}Client-Cert: :AQ==:\r\n${rest}`);
  assert.equal(write(["client-cert", "client-cert-chain"], true), `${start}${rest}`);
  assert.equal(write([], false), `${start}\r\n`);
});

/** The facts of a client that is itself the connection's peer. */
function factsOf(peer: string): ClientFacts {
  return {
    peer,
    client: peer,
    trusted: false,
    secure: false,
    tls: null,
    certificateLines: "",
    ownAnswers: null,
    forwarded: null,
    unsafeFieldNames: "drop",
    forwardedPathFields: "drop",
    proxied: null,
  };
}

const RESPONSE_STARTS = ["HTTP/1.1 200 OK", "HTTP/1.1 200 Fine", "HTTP/1.0 200 OK", "HTTP/1.1 204 No Content", "HTTP/1.1 426 Upgrade"];
const RESPONSE_LINES = [
  ["Date: Mon, 23 Nov 2026 10:00:00 GMT", "Content-Length: 0"],
  ["Date: Mon, 23 Nov 2026 10:00:01 GMT", "Content-Length: 0"],
  ["Content-Length: 0"],
  ["Date: Mon, 23 Nov 2026 10:00:00 GMT", "Content-Length: 0", "Connection: upgrade, X-Hop", "Upgrade: h2c", "X-Hop: 1"],
  ["Date: Mon, 23 Nov 2026 10:00:00 GMT", "Transfer-Encoding: chunked"],
  ["Date: Mon, 23 Nov 2026 10:00:00 GMT", "Content-Length: 0", "Access-Control-Allow-Origin: *", "Access-Control-Max-Age: 1"],
];
const responses = fc.array(
  fc
    .record({
      start: fc.constantFrom(...RESPONSE_STARTS),
      lines: fc.constantFrom(...RESPONSE_LINES),
      repeat: fc.integer({ min: 1, max: 4 }),
      added: fc.constantFrom("", "", "Vary: Origin\r\n"),
      fresh: fc.constantFrom("", "", "X-Id: 1\r\n", "X-Id: 2\r\n"),
      removed: fc.constantFrom<string[]>([], [], ["x-hop"], ["access-control-allow-origin"], ["upgrade", "date"], ["date", "upgrade"]),
      bodyLength: fc.constantFrom(null, null, null, 0, 5, -1),
      status: fc.constantFrom(null, null, 404),
      mode: fc.constantFrom(BodyMode.none, BodyMode.length, BodyMode.chunked, BodyMode.untilClose),
      close: fc.boolean(),
      epochMs: fc.constantFrom(1_790_000_000_000, 1_790_000_001_000),
    })
    .filter((one) => isAccepted(toHead(), one)),
  { minLength: 1, maxLength: 8 },
);

type OneResponse = typeof responses extends fc.Arbitrary<(infer One)[]> ? One : never;

function write(reader: ResponseReader, one: OneResponse, detached: boolean = false): string {
  readHead(reader, one.start, one.lines);
  return responseHeadText(detached ? reader.head.detach() : reader.head, responseEditsOf(one), one);
}

test("a detached request is written as the request it was copied from", () => {
  fc.assert(
    fc.property(requests, (all) => {
      for (const { routes, ...rest } of all) {
        for (const route of routes) {
          const one = { ...rest, ...route };
          const [own, detached] = [false, true].map((each) =>
            writeRequest(new RequestReader(DEFAULT_LIMITS), new AddedFields(), one, each),
          );
          assert.equal(detached, own);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("a detached response is written as the response it was copied from", () => {
  fc.assert(
    fc.property(responses, (all) => {
      for (const one of all) assert.equal(write(toHead(), one, true), write(toHead(), one));
    }),
    { numRuns: 500 },
  );
});

test("one detached head serves several exchanges at once, each with its own route", () => {
  const reader = new RequestReader(DEFAULT_LIMITS);
  readHead(reader, "GET / HTTP/1.1", ["Host: a.test", "Authorization: Bearer first", "Connection: X-Hop", "X-Hop: 1"]);
  const shared = reader.head.detach();
  reader.restart(reader.head);
  readHead(reader, "GET /other HTTP/1.1", ["Host: b.test"]);
  const send = (peer: string, removed: readonly string[]): string => {
    const exchange = { request: shared, connection: connectionOptions(shared), facts: factsOf(peer), isBackground: false, upgrade: "" };
    return requestHeadText(exchange, editsOf({ added: "", removed }), new AddedFields(), {
      authority: "a.test",
      via: false,
      xForwarded: true,
    });
  };
  for (let turn = 0; turn < 3; turn++) {
    const rest = "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a.test\r\n\r\n";
    assert.equal(send("192.0.2.1", ["authorization"]), `GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 192.0.2.1\r\n${rest}`);
    const token = "Authorization: Bearer first\r\n";
    assert.equal(send("192.0.2.2", []), `GET / HTTP/1.1\r\nHost: a.test\r\n${token}X-Forwarded-For: 192.0.2.2\r\n${rest}`);
  }
});

test("a request that came by HTTP/2 is written for HTTP/1.1", () => {
  const request = buildRequestHead({ method: "GET", target: "/a?b", authority: "A.test", version: "2" }, [["accept", "*/*"]]);
  const facts = { ...factsOf("192.0.2.1"), secure: true };
  const exchange = { request, connection: connectionOptions(request), facts, isBackground: false, upgrade: "" };
  assert.equal(
    requestHeadText(exchange, editsOf({ added: "", removed: [] }), new AddedFields(), {
      authority: "origin.test",
      via: true,
      xForwarded: true,
    }),
    "GET /a?b HTTP/1.1\r\nHost: A.test\r\naccept: */*\r\n" +
      "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: A.test\r\nVia: 2 millrace\r\n\r\n",
  );
});

test("responses of a connection are written as each would be alone", () => {
  fc.assert(
    fc.property(responses, (all) => {
      const reader = toHead();
      for (const one of all) {
        for (let count = 0; count < one.repeat; count++) {
          assert.equal(write(reader, one), write(toHead(), one));
          reader.restart(reader.head);
        }
      }
    }),
    { numRuns: 1500 },
  );
});

test("responses with the same lines are written as each would be alone, whatever route each comes by", () => {
  const lines = fc.constantFrom(...RESPONSE_LINES);
  const routes = fc.tuple(responses, responses, responses).map((all) => all.flatMap(([first]) => (first === undefined ? [] : [first])));
  fc.assert(
    fc.property(lines, routes, fc.array(fc.nat(2), { minLength: 8, maxLength: 40 }), (same, all, turns) => {
      const reader = toHead();
      for (const turn of turns) {
        const route = all[turn];
        const one = route === undefined ? null : { ...route, lines: same };
        if (one === null || !isAccepted(toHead(), one)) continue;
        assert.equal(write(reader, one), write(toHead(), one));
        reader.restart(reader.head);
      }
    }),
    { numRuns: 1500 },
  );
});

test("responses of several connections are written as each would be alone", () => {
  const alike = responses.map((all) => all.map((one) => ({ ...one, added: "" as const, mode: BodyMode.length })));
  fc.assert(
    fc.property(alike, fc.array(fc.nat(2), { minLength: 8, maxLength: 40 }), (all, turns) => {
      const connections = [0, 1, 2].map(() => ({ reader: toHead(), count: 0 }));
      for (const turn of turns) {
        const connection = connections[turn];
        // Each connection repeats one response a few times, then goes on to the next one.
        const one = all[Math.floor((connection?.count ?? 0) / 3) % all.length];
        if (connection === undefined || one === undefined) continue;
        connection.count++;
        assert.equal(write(connection.reader, one), write(toHead(), one));
        connection.reader.restart(connection.reader.head);
      }
    }),
    { numRuns: 1500 },
  );
});

test("what a connection's routes remove alternates, and each token stays with the proxy", () => {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const added = new AddedFields();
  const circumstances = {
    peer: "192.0.2.1",
    peerTrusted: false,
    secure: false,
    upgrade: "",
    unsafeFieldNames: "drop",
    forwardedPathFields: "drop",
    via: true,
    xForwarded: true,
  } as const;
  const one = {
    start: "GET / HTTP/1.1",
    lines: ["Host: a.test", "Authorization: Bearer first", "X-API-Key: second"],
    added: "",
    ...circumstances,
  };
  const shown = (removed: readonly string[]): string[] => {
    const text = writeRequest(reader, added, { ...one, removed });
    reader.restart(reader.head);
    return ["first", "second"].filter((token) => text.includes(token));
  };
  for (let turn = 0; turn < 50; turn++) {
    // Some requests are repeated in a row: only then is the written text kept.
    for (let count = 0; count <= turn % 4; count++) {
      assert.deepEqual(shown(["authorization"]), ["second"]);
      assert.deepEqual(shown([]), ["first", "second"]);
    }
    for (let count = 0; count <= turn % 4; count++) assert.deepEqual(shown(["x-api-key"]), ["first"]);
    for (let count = 0; count <= turn % 3; count++) assert.deepEqual(shown([]), ["first", "second"]);
    for (let count = 0; count <= turn % 4; count++) assert.deepEqual(shown(["authorization", "x-api-key"]), []);
  }
});

test("a request whose token is removed is written as one kept text from the third time on, as any other", () => {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const added = new AddedFields();
  const facts = factsOf("192.0.2.1");
  let known = 0;
  for (let count = 0; count < 6; count++) {
    readHead(reader, "GET / HTTP/1.1", ["Host: a.test", "Authorization: Bearer first"]);
    const { head: request } = reader;
    const removing = editsOf({ added: "", removed: ["authorization"] });
    const exchange = { request, connection: connectionOptions(request), facts, isBackground: false, upgrade: "" };
    requestHeadText(exchange, removing, added, { authority: "a.test", via: true, xForwarded: true });
    if (request.written.knows(request.edition, removing, 4 | 32, facts.peer)) known++;
    reader.restart(request);
  }
  assert.equal(known, 4);
});

test("a request with another target and host is written as one kept text, and each change of them shows", () => {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const added = new AddedFields();
  const circumstances = {
    peer: "192.0.2.1",
    peerTrusted: false,
    secure: false,
    upgrade: "",
    unsafeFieldNames: "drop",
    forwardedPathFields: "drop",
    via: true,
    xForwarded: true,
  } as const;
  const one = { start: "GET /received HTTP/1.1", lines: ["Host: a.test", "X-A: 1"], added: "", removed: [], ...circumstances };
  const written: string[] = [];
  for (const authority of [null, "b.test", "c.test", "b.test", null]) {
    for (const target of ["/one", "/two", null]) {
      for (let count = 0; count < 4; count++) {
        written.push(writeRequest(reader, added, { ...one, authority, target }));
        reader.restart(reader.head);
        const shown = written.at(-1) ?? "";
        assert.ok(shown.startsWith(`GET ${target ?? "/received"} HTTP/1.1\r\nHost: ${authority ?? "a.test"}\r\nX-A: 1\r\n`), shown);
        assert.equal(shown.match(/^Host:/gim)?.length, 1);
        assert.match(shown, /^X-Forwarded-Host: a\.test\r$/m);
      }
    }
  }
  const facts = factsOf("192.0.2.1");
  readHead(reader, one.start, one.lines);
  const edits = editsOf({ added: "", removed: [], authority: "b.test" });
  const { head: request } = reader;
  const exchange = { request, connection: connectionOptions(request), facts, isBackground: false, upgrade: "" };
  let known = 0;
  for (let count = 0; count < 4; count++) {
    requestHeadText(exchange, edits, added, { authority: "a.test", via: true, xForwarded: true });
    if (request.written.knows(request.edition, edits, 4 | 16 | 32, facts.peer)) known++;
  }
  assert.ok(known >= 2, `${known} of 4 were known`);
});

test("a head that was forgotten leaves no text behind", () => {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const one = { start: "GET /secret HTTP/1.1", lines: ["Host: a.test", "X-Secret: 1"], added: "", removed: [], peer: "192.0.2.1" };
  const circumstances = {
    peerTrusted: false,
    secure: false,
    upgrade: "",
    unsafeFieldNames: "drop",
    forwardedPathFields: "drop",
    via: true,
    xForwarded: true,
  } as const;
  for (let count = 0; count < 3; count++) {
    assert.match(writeRequest(reader, new AddedFields(), { ...one, ...circumstances, target: "/secret-rewritten" }), /secret/);
    reader.restart(reader.head);
  }
  reader.forget();
  assert.equal(JSON.stringify(reader.head).includes("ecret"), false);
});

/** A reader of responses to HEAD: such responses are heads only. */
function toHead(): ResponseReader {
  const reader = new ResponseReader(RESPONSE_LIMITS);
  reader.toHead = true;
  return reader;
}

/** Whether a reader accepts a message that begins with this text. */
function isAccepted(reader: RequestReader | ResponseReader, { start, lines }: { start: string; lines: readonly string[] }): boolean {
  feed(reader, start, lines);
  return reader.next() === Event.head;
}

function readHead(reader: RequestReader | ResponseReader, start: string, lines: readonly string[]): void {
  feed(reader, start, lines);
  assert.equal(reader.next(), Event.head);
  assert.equal(reader.next(), Event.end);
}

function feed(reader: RequestReader | ResponseReader, start: string, lines: readonly string[]): void {
  const wire = Buffer.from(`${[start, ...lines].join("\r\n")}\r\n\r\n`, "latin1");
  reader.feed(wire, 0, wire.length);
}

/** One edits object serves all heads of a kind, as in an exchange. */
const requestEdits = new RequestEdits();
const responseEdits = new ResponseEdits();

type GivenEdits = Omit<OneRoute, "via" | "xForwarded">;

function editsOf({ authority = null, target = null, ...given }: GivenEdits): RequestEdits {
  fill(requestEdits, given);
  if (authority !== null) requestEdits.setAuthority(authority);
  if (target !== null) requestEdits.setTarget(target);
  return requestEdits;
}

function responseEditsOf({ status = null, ...given }: GivenEdits & { readonly status?: number | null }): ResponseEdits {
  fill(responseEdits, given);
  if (status !== null) responseEdits.setStatus(status);
  return responseEdits;
}

const NONE = new ReplacedNames([], []);

function fill(edits: FieldEdits, { added, removed, fresh = "", bodyLength = null }: GivenEdits): void {
  edits.reset();
  edits.appendLines(added);
  if (fresh !== "") edits.replaceByFresh(NONE, fresh);
  edits.bodyLength = bodyLength;
  for (const name of removed) edits.remove(name);
}
