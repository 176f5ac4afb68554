/** The proxy's own answers on the wire, with what middleware edits in them. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { ResponseChanges } from "../http/head-edits.ts";
import type { Middleware } from "../proxy/feature/middleware.ts";
import { hooksOf } from "../proxy/feature/route-hooks.ts";
import type { LocalAnswer } from "../proxy/local-answer.ts";
import { get, stageOfBoth } from "./stage.fixture.ts";
import type { Stage } from "./stage.fixture.ts";

interface Answered {
  readonly stage: Stage;
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
}

const BUSY: LocalAnswer = {
  status: 429,
  reason: "rate_limited",
  detail: "Too many requests.",
  fields: [
    ["Retry-After", "7"],
    ["WWW-Authenticate", "Bearer"],
  ],
  proxyStatus: "http_request_denied",
};

/** What a client receives when middleware answers its request, and then edits that answer. */
function answered(
  t: TestContext,
  answer: LocalAnswer,
  edit: (edits: ResponseChanges) => void = () => {},
  request: string = get("/"),
): Answered {
  const stage = stageOfBoth(t);
  const { snapshot } = stage.thread;
  const find = snapshot.findRoute.bind(snapshot);
  const hooks: readonly Middleware[] = [{ name: "answers", onRequest: () => answer, onResponse: (_, edits) => edit(edits) }];
  snapshot.findRoute = (asked, client) => ({ ...find(asked, client), hooks: hooksOf(hooks) });
  stage.client.send(request);
  stage.thread.writes.flush();
  const { received } = stage.client;
  const at = received.indexOf("\r\n\r\n");
  const fields = new Map<string, string[]>();
  for (const line of received.slice(0, at).split("\r\n").slice(1)) {
    const colon = line.indexOf(": ");
    const name = line.slice(0, colon).toLowerCase();
    fields.set(name, [...(fields.get(name) ?? []), line.slice(colon + 2)]);
  }
  return { stage, fields, body: received.slice(at + 4) };
}

const EDITABLE = ["Retry-After", "WWW-Authenticate", "Content-Type", "Cache-Control", "Proxy-Status", "Date"] as const;

for (const name of EDITABLE) {
  test(`middleware replaces ${name} of an answer of the proxy's own`, (t) => {
    const { fields } = answered(t, BUSY, (edits) => edits.set(name, "edited"));
    assert.deepEqual(fields.get(name.toLowerCase()), ["edited"]);
    assert.equal(fields.get("content-length")?.length, 1);
  });

  test(`middleware removes ${name} of an answer of the proxy's own, and nothing else`, (t) => {
    const before = answered(t, BUSY).fields;
    const { fields } = answered(t, BUSY, (edits) => edits.remove(name.toLowerCase()));
    assert.equal(before.has(name.toLowerCase()), true);
    assert.deepEqual(
      [...fields.keys()],
      [...before.keys()].filter((each) => each !== name.toLowerCase()),
    );
  });
}

test("a field that an answer gives itself stands alone, though the proxy writes it in other answers", (t) => {
  const given = [
    ["cache-control", "max-age=60"],
    ["content-type", "text/x-own"],
    ["date", "Thu, 01 Jan 1970 00:00:00 GMT"],
    ["proxy-status", "other; error=dns_error"],
  ] as const;
  const { fields } = answered(t, { ...BUSY, fields: given });
  for (const [name, value] of given) assert.deepEqual(fields.get(name), [value]);
});

test("middleware sets a Date that the origin server left out, and there is no other", (t) => {
  const stage = stageOfBoth(t);
  const { snapshot, writes } = stage.thread;
  const find = snapshot.findRoute.bind(snapshot);
  const hooks: readonly Middleware[] = [{ name: "dates", onResponse: (_, edits) => edits.set("Date", "edited") }];
  snapshot.findRoute = (asked, client) => ({ ...find(asked, client), hooks: hooksOf(hooks) });
  stage.client.send(get("/"));
  const [dialled = assert.fail("no endpoint was asked")] = stage.dialled;
  dialled.connect();
  writes.flush();
  dialled.endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  writes.flush();
  assert.deepEqual(stage.client.received.match(/^date: .*$/gim), ["Date: edited"]);
});

const UMLAUTS = "Schlüssel fehlt: \t„a“ \u{1f511}";

for (const [kind, answer, accept, expected] of [
  ["body", { ...BUSY, body: { contentType: "text/html; charset=utf-8", text: UMLAUTS } }, "*/*", UMLAUTS],
  ["detail as text", { ...BUSY, detail: UMLAUTS }, "*/*", `429 Too Many Requests: ${UMLAUTS}\n`],
  [
    "detail as a problem document",
    { ...BUSY, detail: UMLAUTS },
    "application/json",
    `${JSON.stringify({ type: "about:blank", title: "Too Many Requests", status: 429, detail: UMLAUTS })}\n`,
  ],
] as const) {
  test(`an answer is sent as UTF-8, its length counted in bytes: ${kind}`, (t) => {
    const { fields, body } = answered(t, answer, () => {}, get("/").replace("\r\n\r\n", `\r\nAccept: ${accept}\r\n\r\n`));
    const bytes = Buffer.from(body, "latin1");
    assert.equal(bytes.toString("utf8"), expected);
    assert.deepEqual(fields.get("content-length"), [`${bytes.length}`]);
  });
}

test("an answer whose type or error cannot be sent becomes a 500", (t) => {
  for (const given of [
    { body: { contentType: "text/html\r\nX-Smuggled: 1", text: "hello" } },
    { body: { contentType: "text/html; title=„a“", text: "hello" } },
    { proxyStatus: "dns_error\r\nX-Smuggled: 1" },
  ]) {
    const { stage, fields } = answered(t, { ...BUSY, ...given });
    assert.match(stage.client.received, /^HTTP\/1\.1 500 /);
    assert.equal(fields.has("x-smuggled"), false);
  }
});

test("an answer without a body has no type, no length in a 204, and may be kept", (t) => {
  const none: LocalAnswer = { status: 204, reason: "none", detail: "", fields: [["Allow", "GET"]] };
  assert.deepEqual([...answered(t, none).fields.keys()].toSorted(), ["allow", "date"]);
  const empty = answered(t, { ...none, status: 401 }).fields;
  assert.deepEqual([...empty.keys()].toSorted(), ["allow", "content-length", "date"]);
  assert.deepEqual(empty.get("content-length"), ["0"]);
});

test("a connection ends after an answer that says so, whatever its status, and after no other", (t) => {
  for (const [status, proxyStatus] of [
    [408, "http_request_error"],
    [400, "http_request_error"],
    [403, "http_request_denied"],
  ] as const) {
    const goesOn = answered(t, { ...BUSY, status, proxyStatus });
    assert.deepEqual([goesOn.fields.get("connection"), goesOn.stage.client.writable], [undefined, true], `${status}`);
    const ends = answered(t, { ...BUSY, status, proxyStatus, endsConnection: true });
    assert.deepEqual([ends.fields.get("connection"), ends.stage.client.writable], [["close"], false], `${status}`);
  }
});

test("the answer to HEAD has the fields of that to GET, and no body", (t) => {
  const whole = answered(t, BUSY);
  const head = answered(t, BUSY, () => {}, get("/").replace("GET", "HEAD"));
  assert.deepEqual(
    [...head.fields].filter(([name]) => name !== "date"),
    [...whole.fields].filter(([name]) => name !== "date"),
  );
  assert.equal(whole.body, "429 Too Many Requests: Too many requests.\n");
  assert.equal(head.body, "");
});
