/** What a refused body leaves behind: nothing, in nobody's message. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { testProxy } from "../src/testing/test-proxy.ts";
import { MemoryOrigin, ask, responses } from "./support/in-memory.ts";
import { get } from "./support/raw-client.ts";

const BODY = "V".repeat(8000);
const ANSWER = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f40\r\n${BODY}\r\n0\r\n\r\n`;

/** In one piece, so that the whole of it comes in one read: a good chunk, and behind it why the request is refused. */
const REFUSED: readonly (readonly [what: string, path: string, body: string, status: number])[] = [
  ["a malformed chunk", "/any", `200\r\n${"A".repeat(512)}\r\nZZ\r\n`, 400],
  ["a chunk over max_body", "/small", `200\r\n${"A".repeat(512)}\r\n200\r\n${"B".repeat(512)}\r\n`, 413],
  ["malformed trailers", "/any", `200\r\n${"A".repeat(512)}\r\n0\r\nno trailer\r\n\r\n`, 400],
];

/** Of fields that do not go on, so that what goes on is shorter than what came. */
const HEAD = `HTTP/1.1\r\nHost: a.test\r\nConnection: X-Drop\r\nX-Drop: ${"d".repeat(500)}\r\nX-Mark: ${"!".repeat(200)}\r\nTransfer-Encoding: chunked\r\n\r\n`;

const origin = new MemoryOrigin({ onRequest: ({ connection }) => connection.send(ANSWER) });
const proxy = await testProxy(
  `
listeners: [{ address: "127.0.0.1:0" }]
upstreams: { app: { endpoints: ["http://app.test"] } }
routes: [{ match: { path: /small }, upstream: app, max_body: 600 }, { upstream: app }]
`,
  { upstreams: { app: origin.script } },
);
after(() => proxy.close());

describe("behind a chunked request that is refused in the read that brought the beginning of its body", () => {
  for (const [what, path, body, status] of REFUSED) {
    test(`${what}: the next chunked response and request are what they were`, async () => {
      const seen = origin.requests.length;
      // A connection to the endpoint that idles: the refused request is given to it at once.
      assert.equal((await ask(proxy, get("/warm"))).body, BODY);
      const refused = await ask(proxy, `POST ${path} ${HEAD}${body}`);
      assert.equal(refused.status, status);
      assert.equal((await ask(proxy, get("/next"))).body, BODY);
      await ask(proxy, `POST /up HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n1f40\r\n${BODY}\r\n0\r\n\r\n`);
      const [upload] = origin.requests.slice(seen).filter(({ head }) => head.startsWith("POST /up"));
      assert.ok(upload !== undefined && upload.body.includes(BODY), "the upload is whole");
      assert.ok(!upload.head.includes("X-Mark"));
    });

    test(`${what}: what others send behind it in one read is what they sent`, async (t) => {
      const seen = origin.requests.length;
      await Promise.all(["/a", "/b", "/c"].map((warm) => ask(proxy, get(warm))));
      const post = "POST /up HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
      const next = get("/account/0000000000/view");
      // The refused body begins in the read buffer where the middle of that path will lie.
      const head = `POST ${path} HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nX-Padding: `;
      const padding = post.length + next.indexOf("0000000000") + 5 - head.length - "\r\n\r\n200\r\n".length;
      await ask(proxy, `${head}${"p".repeat(padding)}\r\n\r\n${body}`);
      const other = proxy.connect();
      t.after(() => other.close());
      other.send(post + next);
      assert.deepEqual(
        (await responses(other, 2)).map(({ status: each }) => each),
        [200, 200],
      );
      assert.ok(origin.requests.slice(seen).some((request) => request.head.startsWith("GET /account/0000000000/view ")));
    });
  }
});
