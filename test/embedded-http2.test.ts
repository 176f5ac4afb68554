/** The proxy as a handler of a program's own node:http2, by its compatibility API. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import http2 from "node:http2";
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  Http2ServerResponse,
  IncomingHttpHeaders,
  IncomingHttpStatusHeader,
  OutgoingHttpHeaders,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { handleNodeRequest } from "../src/embed/handle-node-request.ts";
import { embedded } from "./support/embedded.ts";
import type { Embedded, Parts } from "./support/embedded.ts";
import { startHttpOrigin } from "./support/http-origin.ts";
import { startRawOrigin } from "./support/raw-origin.ts";

/** @param before what the program does with a response before the proxy gets it */
async function session(
  t: TestContext,
  origin: string,
  parts: Parts = {},
  before: (response: Http2ServerResponse) => void = () => {},
): Promise<{ client: ClientHttp2Session; proxy: Embedded }> {
  const proxy = embedded(t, origin, parts);
  const program = http2.createServer((request, response) => {
    before(response);
    handleNodeRequest(proxy.host, request, response);
  });
  program.listen(0, "127.0.0.1");
  await once(program, "listening");
  const client = http2.connect(`http://127.0.0.1:${(program.address() as AddressInfo).port}`);
  t.after(() => {
    client.destroy();
    program.close();
  });
  return { client, proxy };
}

interface Got {
  readonly head: IncomingHttpHeaders & IncomingHttpStatusHeader;
  readonly body: string;
  readonly code: number | undefined;
}

async function got(stream: ClientHttp2Stream): Promise<Got> {
  let head: Got["head"] = {};
  const pieces: Buffer[] = [];
  stream.on("response", (fields) => (head = fields));
  stream.on("data", (bytes: Buffer) => pieces.push(bytes));
  stream.on("error", () => {});
  await new Promise((closed) => stream.on("close", closed));
  return { head, body: Buffer.concat(pieces).toString("latin1"), code: stream.rstCode };
}

function ask(client: ClientHttp2Session, fields: OutgoingHttpHeaders, body?: string): Promise<Got> {
  const stream = client.request({ ":authority": "a.test", ...fields });
  stream.end(body);
  return got(stream);
}

test("cookies of the program and what it varies by stay beside the endpoint's", async (t) => {
  const endpoint = await startHttpOrigin(t, (_, response) => {
    response.writeHead(200, { Vary: "Accept-Encoding", "Set-Cookie": ["b=2", "c=3"] }).end("ok");
  });
  const { client } = await session(t, endpoint, {}, (response) => {
    response.setHeader("Vary", "Origin");
    response.setHeader("Set-Cookie", "a=1");
  });
  const { head } = await ask(client, { ":path": "/" });
  assert.equal(head["vary"], "Origin, Accept-Encoding");
  assert.deepEqual(head["set-cookie"], ["a=1", "b=2", "c=3"]);
});

test("a request of HTTP/2 becomes one of HTTP/1.1, and its response goes back", async (t) => {
  const origin = await startRawOrigin({
    onRequest: ({ socket }) =>
      socket.write(
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 2\r\n\r\n",
      ),
  });
  t.after(() => origin.close());
  const { client, proxy } = await session(t, origin.url);
  const stream = client.request({ ":authority": "a.test:1", ":path": "/x?y", ":method": "POST", cookie: ["a=1", "b=2"], "x-one": "1" });
  const trailers = once(stream, "trailers");
  stream.end("some");
  const { head, body, code } = await got(stream);
  assert.deepEqual([head[":status"], head["set-cookie"], head.connection, body, code], [200, ["a=1", "b=2"], undefined, "ok", 0]);
  assert.equal((await trailers)[0]["x-sum"], "2");
  assert.equal(origin.requests[0]?.body, "some");
  assert.equal(
    origin.requests[0]?.head,
    "POST /x?y HTTP/1.1\r\nHost: a.test:1\r\nx-one: 1\r\ncookie: a=1; b=2\r\ntransfer-encoding: chunked\r\n" +
      "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.test:1\r\nVia: 2 millrace\r\n\r\n",
  );
  assert.deepEqual(
    (await proxy.logged(1)).map(({ status, outcome }) => [status, outcome]),
    [[200, "completed"]],
  );
  assert.equal(proxy.host.connections.size, 0);
});

test("requests without a body, answers, and bodies that are refused", async (t) => {
  const origin = await startHttpOrigin(t, (request, response) => response.writeHead(request.url === "/204" ? 204 : 200).end());
  const { client, proxy } = await session(t, origin, { route: "max_body: 3" });
  assert.equal((await ask(client, { ":path": "/204" })).head[":status"], 204);
  assert.equal((await ask(client, { ":path": "/", ":method": "HEAD" })).head[":status"], 200);
  assert.equal((await ask(client, { ":path": "/", ":method": "POST" }, "long")).head[":status"], 413);
  const refused = client.request({ ":authority": "a.test", ":path": "/", ":method": "POST", "content-length": "5000000" });
  refused.write(Buffer.alloc(100_000));
  assert.equal((await got(refused)).head[":status"], 413);
  assert.equal((await ask(client, { ":path": "/", host: "b.test" })).head[":status"], 400);
  assert.equal((await ask(client, { ":path": "/" })).head[":status"], 200);
  assert.equal(proxy.host.connections.size, 0);
});

test("a large body comes back, a client that resets its stream ends the exchange, a dead origin resets the stream", async (t) => {
  const origin = await startHttpOrigin(t, (request, response) => {
    if (request.url === "/echo") return void request.pipe(response);
    response.write("some");
    if (request.url === "/dies") setTimeout(() => request.socket.destroy(), 20);
  });
  const { client, proxy } = await session(t, origin);
  const body = "0123456789abcdef".repeat(256 * 1024);
  assert.equal((await ask(client, { ":path": "/echo", ":method": "POST" }, body)).body === body, true);
  const stream = client.request({ ":authority": "a.test", ":path": "/open" });
  stream.on("data", () => stream.close(http2.constants.NGHTTP2_CANCEL));
  await got(stream);
  const dead = await ask(client, { ":path": "/dies" });
  assert.deepEqual([dead.body, dead.code], ["some", http2.constants.NGHTTP2_INTERNAL_ERROR]);
  assert.deepEqual(
    (await proxy.logged(3)).map(({ outcome }) => outcome),
    ["completed", "client_gone", "connection_terminated"],
  );
  assert.equal(proxy.host.connections.size, 0);
});

test("fields that come twice, of which Node's http2 takes one, pass in heads, interim responses and trailers", async (t) => {
  const twice = 'ETag: "a"\r\nETag: "b"\r\n';
  const cookies = "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nWWW-Authenticate: Basic\r\nWWW-Authenticate: Bearer\r\n";
  const body = "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n";
  const origin = await startRawOrigin({
    onHead: (_, socket) => {
      socket.write(`HTTP/1.1 103 Early Hints\r\n${twice}\r\nHTTP/1.1 200 OK\r\n${twice}${cookies}${body}${twice}\r\n`);
      return true;
    },
  });
  t.after(() => origin.close());
  const { client, proxy } = await session(t, origin.url);
  const stream = client.request({ ":authority": "a.test" });
  const seen: unknown[] = [];
  stream.on("headers", (fields) => seen.push(fields["etag"]));
  stream.on("trailers", (fields) => seen.push(fields["etag"]));
  const { head, body: text } = await got(stream.end());
  assert.deepEqual([head.etag, head["set-cookie"], text], ['"a", "b"', ["a=1", "b=2"], "ok"]);
  assert.deepEqual(seen, ['"a", "b"', '"a", "b"']);
  assert.equal(proxy.host.connections.size, 0);
});

test("a 205 that announces a body has none", async (t) => {
  const origin = await startRawOrigin({
    onHead: (_, socket) => socket.write("HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nok"),
  });
  t.after(() => origin.close());
  const { client } = await session(t, origin.url);
  const { head, body } = await ask(client, {});
  assert.deepEqual([head[":status"], head["content-length"], body], [205, undefined, ""]);
});
