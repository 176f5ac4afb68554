/** Pages in the place of errors, maintenance, and files that break: what the proxy answers of its own. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { SERVED, failed } from "./row.ts";
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
themes("own answers", rows, { same: 11, differ: 0, leftOut: 0, notByFetch: 0 });
