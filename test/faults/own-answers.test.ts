/** Pages in the place of errors, maintenance, redirects, texts, and files that break: what the proxy answers of its own. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { ENDS, LINGERS, NO_REQUEST, SERVED, failed } from "./row.ts";
import type { Expectation, Row, Scene } from "./row.ts";
import { themes } from "./theme.ts";

const PAGES = 'error_pages: { 5xx: { body: "<h1>{error.status}</h1>", origin: true } }';
/** More than the system holds for a client that does not read. */
const LARGE = 20_000_000;

const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A new folder with a file of that many bytes. */
function folderWith(bytes: number): string {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-faults-"));
  folders.push(folder);
  writeFileSync(path.join(folder, "file"), Buffer.alloc(bytes, "x"));
  return folder;
}

/** The client has read the beginning of the file, and stands still. */
async function begins({ client, get }: Scene): Promise<void> {
  await client.send(get());
  await client.until(({ received }) => received !== "", "the beginning of the file");
  client.stopReading();
}

const page = (status: number, origin: Expectation["origin"]): Expectation => ({
  answer: { status, body: `<h1>${status}</h1>` },
  log: { status, outcome: "completed" },
  client: "open",
  origin,
});
const refused = failed(502, "connection_refused", "connection_refused", { upstream_connect_failures: 1, origin_failures: 1 }, "unreached");

const REDIRECT = 'redirect: { to: "https://{host}{uri}?q={header.X-A}" }';
const RESPOND = 'respond: { status: 200, body: "ok {method}" }';
/** A server of Node's whose program does not read a request to its end can only close the connection, and the system then resets it. */
const RESET = "the program closes the connection while the client sends, which can destroy the answer on its way";
const HUGE = ["Content-Length: 67108864"];

/** The answer to a request that no endpoint gets. */
function own(status: number, outcome: string, client: Expectation["client"] = "open"): Expectation {
  return { answer: { status }, log: { status, outcome, attempts: 0 }, client, origin: "unreached" };
}

const rows: Row[] = [
  {
    name: "a page where the endpoint refuses",
    endpoints: ["refused"],
    route: PAGES,
    expect: { ...refused, answer: { status: 502, error: "connection_refused", body: "<h1>502</h1>" } },
  },
  {
    name: "to HEAD the page is left out",
    endpoints: ["refused"],
    route: PAGES,
    toHead: true,
    client: async ({ client, head }) => client.send(head("HEAD", [])),
    expect: refused,
  },
  {
    name: "a page in the place of the endpoint's",
    route: PAGES,
    origin: ({ connection }) => connection.send("HTTP/1.1 500 No\r\nContent-Length: 5\r\nETag: x\r\n\r\nstack"),
    expect: page(500, "reused"),
  },
  {
    name: "the endpoint's own is long: its connection is not used again",
    route: PAGES,
    origin: ({ connection }) => connection.send(`HTTP/1.1 500 No\r\nContent-Length: ${LARGE}\r\n\r\n${"x".repeat(200_000)}`),
    expect: page(500, "closed"),
  },
  {
    name: "an id, and fields of a response that never comes, where the endpoint refuses",
    endpoints: ["refused"],
    route: "request_id: true, access_log: { request_headers: [X-A], response_headers: [X-Request-Id, ETag] }",
    client: ({ client, get }) => client.send(get(["X-A: a", "X-Request-Id: the client's"])),
    expect: refused,
    also: ({ client }) => assert.match(client.received, /^X-Request-Id: [0-9a-f-]{36}\r$/im),
  },
  {
    name: "an id in the place of the endpoint's",
    route: "request_id: true, access_log: { response_headers: [X-Request-Id] }",
    origin: ({ connection }) => connection.send("HTTP/1.1 200 OK\r\nX-Request-Id: the endpoint's\r\nContent-Length: 2\r\n\r\nok"),
    expect: { answer: SERVED, log: { status: 200, outcome: "completed" }, client: "open", origin: "reused" },
    also: ({ client }) => assert.match(client.received, /^X-Request-Id: [0-9a-f-]{36}\r$/im),
  },
  {
    name: "maintenance",
    route: 'maintenance: { enabled: true }, error_pages: { 503: { body: "soon" } }',
    expect: {
      answer: { status: 503, body: "soon" },
      log: { status: 503, outcome: "maintenance", attempts: 0 },
      client: "open",
      origin: "unreached",
    },
  },
  // ---- redirect, respond, access: what the client does meanwhile ----
  {
    name: "a redirect, the head comes byte by byte",
    end: REDIRECT,
    client: ({ client, get }) => client.trickle(get(["X-A: a%0d%0ab"]), 1),
    expect: own(307, "redirect"),
    also: ({ client, path }) =>
      assert.ok(client.received.toLowerCase().includes(`\r\nlocation: https://a.test${path}?q=a%0d%0ab\r\n`), client.received),
  },
  {
    name: "a redirect, the body comes later",
    end: REDIRECT,
    client: async ({ client, head }) => {
      await client.send(head("POST", ["Content-Length: 5"]));
      await client.until(({ received }) => received !== "", "the answer");
      await client.send("hello");
    },
    notByFetch: "whether the connection goes on after an answer that came before the body is for the program to decide",
    expect: own(307, "redirect"),
  },
  {
    name: "a redirect, the upload goes on",
    end: REDIRECT,
    client: async ({ client, head }) => {
      await client.send(head("POST", HUGE));
      await client.flood("u".repeat(64 * 1024), 64 * 1024 * 1024);
    },
    notByFetch: RESET,
    expect: own(307, "redirect", "closed"),
  },
  {
    name: "a redirect, the body is malformed",
    end: REDIRECT,
    client: ({ client, head }) =>
      client.send(`${head("POST", ["Transfer-Encoding: chunked"])}zz\r\n\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n`),
    notByFetch: "Node's own parser refuses the body before the program has answered",
    expect: own(307, "redirect", "closed"),
  },
  {
    name: "a redirect, the client waits for 100",
    end: REDIRECT,
    client: ({ client, head }) => client.send(head("POST", ["Content-Length: 5", "Expect: 100-continue"])),
    expect: own(307, "redirect", "closed"),
    also: ({ client }) => assert.doesNotMatch(client.received, /^HTTP\/1\.1 100/),
    // A server of Node's says 100 by itself.
    throughHost: { ...LINGERS, also: () => {} },
  },
  {
    name: "a redirect of an upgrade",
    end: REDIRECT,
    client: ({ client, get }) => client.send(get(["Connection: Upgrade", "Upgrade: websocket"])),
    expect: own(307, "redirect"),
    throughHost: ENDS,
  },
  {
    name: "a text, the client half-closes",
    end: RESPOND,
    client: async ({ client, get }) => {
      await client.send(get());
      client.halfClose();
    },
    expect: { ...own(200, "respond", "left"), answer: { status: 200, body: "ok GET" }, releasedWithinMs: 0 },
  },
  {
    name: "a text, the client half-closes in the middle of its body",
    end: RESPOND,
    client: async ({ client, head }) => {
      await client.send(`${head("POST", ["Content-Length: 5"])}he`);
      client.halfClose();
    },
    expect: { ...own(200, "respond", "left"), releasedWithinMs: 0 },
  },
  {
    name: "a text, the client leaves inside the head",
    end: RESPOND,
    client: async ({ client, path }) => {
      await client.send(`GET ${path} HTTP/1.1\r\nHos`);
      client.reset();
    },
    expect: { answer: "unseen", log: null, client: "left", origin: "unreached" },
    throughHost: NO_REQUEST,
  },
  {
    name: "an address that is not admitted, the upload goes on",
    route: "access: { deny: [127.0.0.1] }",
    client: async ({ client, head }) => {
      await client.send(head("POST", HUGE));
      await client.flood("u".repeat(64 * 1024), 64 * 1024 * 1024);
    },
    notByFetch: RESET,
    expect: { ...own(403, "access_denied", "closed"), answer: { status: 403, error: "http_request_denied" } },
  },
  {
    name: "maintenance, the upload pauses",
    route: "maintenance: { enabled: true }",
    client: ({ client, head }) => client.send(`${head("POST", HUGE)}${"u".repeat(1000)}`),
    expect: own(503, "maintenance", "closed"),
    throughHost: LINGERS,
  },
  {
    name: "no such file",
    folder: path.join(folderWith(0), "none"),
    expect: { answer: { status: 404 }, log: { status: 404, outcome: "file_missing", attempts: 0 }, client: "open", origin: "unreached" },
  },
  ...(["resets", "leaves"] as const).map((how): Row => ({
    name: `the client ${how} while a file is sent`,
    folder: folderWith(LARGE),
    client: async (scene) => {
      await begins(scene);
      const { client } = scene;
      if (how === "resets") client.reset();
      else client.leave();
    },
    expect: {
      answer: "unseen",
      log: { status: 200, outcome: /^client_(gone|reset)$/, attempts: 0 },
      client: "left",
      origin: "unreached",
      counters: { client_aborts: 1 },
    },
  })),
  ...[folderWith(0)].map((folder): Row => ({
    name: "a file becomes shorter while it is sent",
    folder,
    writesFile: true,
    client: async (scene) => {
      const file = path.join(folder, String(scene.origin.port));
      writeFileSync(file, Buffer.alloc(LARGE, "x"));
      await begins(scene);
      truncateSync(file, 1000);
      scene.client.readOn();
    },
    expect: {
      answer: { status: 200, cut: "x".repeat(1000) },
      log: { status: 200, outcome: "file_failed", attempts: 0 },
      client: "closed",
      origin: "unreached",
      withinMs: 5000,
    },
  })),
];

assert.ok(rows.length > 8);
themes("own answers", rows, { same: 18, differ: 3, leftOut: 1, notByFetch: 4 });
