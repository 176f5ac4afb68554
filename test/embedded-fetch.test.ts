/** The proxy as a function from a Request to a Response of the web's standard. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { test } from "node:test";
import { handleFetch } from "../src/embed/handle-fetch.ts";
import { embedded } from "./support/embedded.ts";
import { startHttpOrigin } from "./support/http-origin.ts";
import { startRawOrigin } from "./support/raw-origin.ts";

test("a request is forwarded with its body, and every field of the response comes back", async (t) => {
  const origin = await startRawOrigin({
    onRequest: ({ socket }) =>
      socket.write(
        "HTTP/1.1 302 Found\r\nLocation: /there\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
      ),
  });
  t.after(() => origin.close());
  const { host, logged } = embedded(t, origin.url);
  const request = new Request("https://a.test:8443/x?y=1", { method: "POST", body: "some", headers: { "X-One": "1" } });
  const response = await handleFetch(host, request, { client: "192.0.2.9" });
  assert.deepEqual([response.status, response.statusText, response.redirected], [302, "Found", false]);
  assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assert.deepEqual([response.headers.get("location"), response.headers.get("connection")], ["/there", null]);
  assert.equal(await response.text(), "ok");
  const [got] = origin.requests;
  assert.equal(got?.body, "some");
  assert.equal(
    got?.head,
    "POST /x?y=1 HTTP/1.1\r\nHost: a.test:8443\r\ncontent-type: text/plain;charset=UTF-8\r\nx-one: 1\r\ntransfer-encoding: chunked\r\n" +
      "X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.test:8443\r\nVia: 1.1 millrace\r\n\r\n",
  );
  assert.deepEqual(
    (await logged(1)).map(({ client, status, outcome }) => [client, status, outcome]),
    [["192.0.2.9", 302, "completed"]],
  );
  assert.equal(host.connections.size, 0);
});

test("without `client` nothing is believed of X-Forwarded-*, and a limit counts all requests as one client's", async (t) => {
  const origin = await startRawOrigin({});
  t.after(() => origin.close());
  const { host } = embedded(t, origin.url, {
    route: "rate_limit: { requests_per_minute: 2, burst: 2 }",
    rest: 'trusted_proxies: [0.0.0.0/0, "::/0"]',
  });
  const ask = (from: string, client?: string): Promise<Response> =>
    handleFetch(host, new Request("http://a.test/", { headers: { "X-Forwarded-For": from } }), client === undefined ? {} : { client });
  assert.equal((await ask("192.0.2.1")).status, 200);
  assert.equal((await ask("192.0.2.2")).status, 200);
  assert.equal((await ask("192.0.2.3")).status, 429);
  for (const { head } of origin.requests) {
    assert.doesNotMatch(head, /x-forwarded-for/i);
    assert.match(head, /X-Forwarded-Proto: http\r\n/);
    assert.match(head, /Via: 1\.1 millrace\r\n/);
  }
  // A trusted proxy as the client is believed.
  assert.equal((await ask("192.0.2.3", "10.0.0.1")).status, 200);
  assert.match(origin.requests.at(-1)?.head ?? "", /X-Forwarded-For: 192\.0\.2\.3, 10\.0\.0\.1\r\n/);
  await assert.rejects(ask("192.0.2.3", "localhost"), TypeError);
});

test("without `client` conditions on addresses do not admit", async (t) => {
  const origin = await startRawOrigin({});
  t.after(() => origin.close());
  const { host } = embedded(t, origin.url, { route: 'match: { client_ip: [0.0.0.0/0, "::/0"] }' });
  assert.equal((await handleFetch(host, new Request("http://a.test/"))).status, 404);
  assert.equal((await handleFetch(host, new Request("http://a.test/"), { client: "192.0.2.1" })).status, 200);
  const but = embedded(t, origin.url, { route: "match: { not: { client_ip: [10.0.0.0/8] } }" });
  assert.equal((await handleFetch(but.host, new Request("http://a.test/"))).status, 404);
  assert.equal((await handleFetch(but.host, new Request("http://a.test/"), { client: "192.0.2.1" })).status, 200);
});

test("large bodies stream both ways, and a reader that waits holds the origin back", async (t) => {
  const size = 32 * 1024 * 1024;
  let written = 0;
  const origin = await startHttpOrigin(t, (request, response) => {
    request.resume();
    request.on("end", () => {
      const piece = Buffer.alloc(256 * 1024, "x");
      const more = (): void => {
        while (written < size) {
          written += piece.length;
          if (!response.write(piece)) return void response.once("drain", more);
        }
        response.end();
      };
      more();
    });
  });
  const { host } = embedded(t, origin);
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent >= size) return controller.close();
      sent += 100_000;
      controller.enqueue(new Uint8Array(100_000));
    },
  });
  const response = await handleFetch(host, new Request("http://a.test/", { method: "POST", body, duplex: "half" }));
  let got = 0;
  let ahead = 0;
  for await (const bytes of response.body ?? []) {
    got += bytes.length;
    ahead = Math.max(ahead, written - got);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(got, written);
  assert.ok(ahead < size / 2, `the origin was ${ahead} bytes ahead`);
});

test("a failure after the head errors the body, after the bytes that came before it", async (t) => {
  const origin = await startRawOrigin({
    onRequest: ({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart");
      setImmediate(() => socket.destroy());
    },
  });
  t.after(() => origin.close());
  const { host } = embedded(t, origin.url);
  const response = await handleFetch(host, new Request("http://a.test/"));
  const reader = (response.body ?? assert.fail("there is no body")).getReader();
  assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), "part");
  await assert.rejects(reader.read(), /incomplete/);
});

test("an abort before and after the head, and a cancelled body, end the exchange", async (t) => {
  const asked = Promise.withResolvers<void>();
  const origin = await startHttpOrigin(t, (request, response) => {
    if (request.url === "/silent") asked.resolve();
    else response.write("some");
  });
  const { host, logged } = embedded(t, origin);
  const early = new AbortController();
  const silent = handleFetch(host, new Request("http://a.test/silent", { signal: early.signal }));
  await asked.promise;
  early.abort(new Error("enough"));
  await assert.rejects(silent, /enough/);

  const late = new AbortController();
  const response = await handleFetch(host, new Request("http://a.test/", { signal: late.signal }));
  late.abort();
  await assert.rejects(response.text(), { name: "AbortError" });

  const cancelled = await handleFetch(host, new Request("http://a.test/"));
  await cancelled.body?.cancel();
  assert.deepEqual(
    (await logged(3)).map(({ outcome }) => outcome),
    ["client_gone", "client_gone", "client_gone"],
  );
  assert.equal(host.connections.size, 0);
  await assert.rejects(handleFetch(host, new Request("http://a.test/", { signal: AbortSignal.abort() })), { name: "AbortError" });
});

test("a body that is not as long as its length is 400, and one that was read is 500", async (t) => {
  const heads: string[] = [];
  const origin = await startRawOrigin({ onHead: (head) => heads.push(head) === 0 });
  t.after(() => origin.close());
  const { host, events } = embedded(t, origin.url);
  for (const length of ["3", "5"]) {
    const headers = { "Content-Length": length };
    assert.equal((await handleFetch(host, new Request("http://a.test/", { method: "POST", body: "four", headers }))).status, 400);
  }
  assert.equal(origin.requests.filter(({ body }) => body === "four").length, 0);
  const read = new Request("http://a.test/", { method: "POST", body: "four" });
  await read.text();
  assert.equal((await handleFetch(host, read)).status, 500);
  assert.equal(events.at(-1)?.event, "request_unusable");
});

test("a body that somebody else reads, or reads soon, ends the request and nothing else", async (t) => {
  const origin = await startRawOrigin({});
  t.after(() => origin.close());
  const { host, events } = embedded(t, origin.url);
  const made = (chunk: unknown): Request =>
    new Request("http://a.test/", {
      method: "POST",
      body: new ReadableStream<Uint8Array>({
        start: (controller) => {
          // A program without types can give anything.
          controller.enqueue(chunk as Uint8Array);
          controller.close();
        },
      }),
      duplex: "half",
    });
  const locked = made(new Uint8Array(3));
  locked.body?.getReader();
  assert.equal((await handleFetch(host, locked)).status, 500);
  const lockedSoon = made(new Uint8Array(3));
  const response = handleFetch(host, lockedSoon);
  await Promise.resolve().then(() => lockedSoon.body?.getReader());
  await assert.rejects(response, /given up/);
  assert.equal(events.at(-1)?.event, "request_unusable");
  const bytes = new Uint8Array(3);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  for (const chunk of [bytes, undefined, "text"]) assert.equal((await handleFetch(host, made(chunk))).status, 400);
  assert.equal(host.connections.size, 0);
});

test("responses without a body, and answers of the proxy's own", async (t) => {
  const origin = await startHttpOrigin(t, (request, response) => response.writeHead(Number(request.url?.slice(1))).end());
  const { host } = embedded(t, origin, { route: "match: { path: /* , methods: [GET, HEAD] }" });
  for (const status of [204, 205, 304]) assert.equal((await handleFetch(host, new Request(`http://a.test/${status}`))).status, status);
  const head = await handleFetch(host, new Request("http://a.test/200", { method: "HEAD" }));
  assert.deepEqual([head.status, head.body], [200, null]);
  const none = await handleFetch(host, new Request("http://a.test/200", { method: "DELETE", headers: { Accept: "application/json" } }));
  assert.deepEqual([none.status, none.headers.get("content-type")], [404, "application/problem+json"]);
  host.drain();
  assert.equal((await handleFetch(host, new Request("http://a.test/200"))).status, 503);
});

test("an upgrade is not one here", async (t) => {
  const origin = await startRawOrigin({});
  t.after(() => origin.close());
  const { host } = embedded(t, origin.url);
  const headers = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Key": "x" };
  const response = await handleFetch(host, new Request("http://a.test/", { headers }));
  assert.equal(response.status, 200);
  assert.doesNotMatch(origin.requests[0]?.head ?? "", /upgrade/i);
});

test("a body that nobody reads does not hold the client open", async (t) => {
  const origin = await startHttpOrigin(t, (_request, response) => response.end("small"));
  const { host, logged } = embedded(t, origin);
  const response = await handleFetch(host, new Request("http://a.test/"));
  await logged(1);
  await once(new EventTarget(), "never", { signal: AbortSignal.timeout(1) }).catch(() => {});
  assert.equal(host.connections.size, 0);
  assert.equal(await response.text(), "small");
});
