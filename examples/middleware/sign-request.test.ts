import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { defineMiddleware } from "millrace";
import { script, testProxy } from "millrace/testing";
import type { ReceivedRequest, TestConfig, TestOrigin, TestProxy } from "millrace/testing";
import signRequest from "./sign-request.ts";

const secret = "0123456789abcdef0123456789abcdef";
const sign = (more: object = {}): ReturnType<typeof signRequest> => signRequest({ key_id: "k1", secret, ...more });

async function proxyFor(t: TestContext, route: object, app: TestOrigin = () => new Response("hi")): Promise<TestProxy> {
  const config: TestConfig = { routes: [{ upstream: "app", middleware: [sign()], ...route }] };
  const proxy = await testProxy(config, { upstreams: { app }, startsAt: 1_700_000_000_000 });
  t.after(() => proxy.close());
  return proxy;
}

/** Verifies a request as the service would, by RFC 9421, from what it received. Returns the names of what is signed. */
function verified(request: ReceivedRequest | undefined): string[] {
  assert.ok(request !== undefined);
  const { headers, target, method, body } = request;
  const [, parameters = "", list = ""] = /^millrace=((\([^)]*\)|).*)$/.exec(headers.get("signature-input") ?? "") ?? [];
  const names = [...list.matchAll(/"([^"]*)"/g)].map(([, name = ""]) => name);
  const url = new URL(target, "http://x");
  const derived: Record<string, string> = {
    "@method": method,
    "@authority": headers.get("host") ?? "",
    "@path": url.pathname,
    "@query": url.search === "" ? "?" : url.search,
  };
  const lines = names.map((name) => `"${name}": ${derived[name] ?? headers.get(name) ?? ""}`);
  const base = [...lines, `"@signature-params": ${parameters}`].join("\n");
  assert.equal(headers.get("signature"), `millrace=:${createHmac("sha256", secret).update(base).digest("base64")}:`);
  assert.equal(headers.get("content-digest"), `sha-256=:${createHash("sha256").update(body, "latin1").digest("base64")}:`);
  return names;
}

test("the service can verify method, host, path, query, body and fields", async (t) => {
  const proxy = await proxyFor(t, {});
  const body = JSON.stringify({ amount: 12, note: "Grüße" });
  await proxy.fetch("http://shop.test/pay?id=1", { method: "POST", body, headers: { "Content-Type": "application/json" } });
  const [request] = proxy.requests("app");
  assert.deepEqual(verified(request), ["@method", "@authority", "@path", "@query", "content-digest", "content-type"]);
  assert.match(request?.headers.get("signature-input") ?? "", /;created=1700000000;expires=1700000300;keyid="k1";alg="hmac-sha256"$/);
  await proxy.fetch("http://shop.test:8080/");
  assert.deepEqual(verified(proxy.requests("app")[1]), ["@method", "@authority", "@path", "@query", "content-digest"]);
});

test("a body in pieces is signed as a whole, and arrives", async (t) => {
  const proxy = await proxyFor(t, {}, async (request) => new Response(await request.text()));
  const body = new ReadableStream({
    start: (controller) => {
      for (const part of ["one ", "two ", "three"]) controller.enqueue(Buffer.from(part));
      controller.close();
    },
  });
  const response = await proxy.fetch("http://a.test/", { method: "PUT", body });
  assert.equal(await response.text(), "one two three");
  verified(proxy.requests("app")[0]);
});

test("what an earlier middleware changes is what is signed", async (t) => {
  const move = defineMiddleware({
    name: "move",
    setup: () => ({
      onUpstreamRequest: (_exchange, request) => {
        request.setTarget("/v2/x?y=%20z");
        request.setAuthority("Inner.test:80");
      },
    }),
  });
  const proxy = await proxyFor(t, { middleware: [move(), sign()] });
  await proxy.fetch("http://a.test/x");
  const [request] = proxy.requests("app");
  assert.equal(request?.target, "/v2/x?y=%20z");
  // The port of the scheme is left out of what is signed (RFC 9421 section 2.2.3).
  assert.equal(request?.headers.get("host"), "Inner.test:80");
  const headers = new Headers(request?.headers);
  headers.set("host", "inner.test");
  if (request !== undefined) verified({ ...request, headers });
});

test("fields with which a client brings a signature of its own are replaced", async (t) => {
  const proxy = await proxyFor(t, {});
  await proxy.fetch("http://a.test/", { headers: { Signature: "millrace=:AAAA:", "Signature-Input": "millrace=();created=1" } });
  verified(proxy.requests("app")[0]);
});

test("each attempt is signed", async (t) => {
  const origins = [script.refuse(), (): Response => new Response("second")];
  const proxy = await testProxy({ routes: [{ upstream: "app", middleware: [sign()] }] }, { upstreams: { app: origins } });
  t.after(() => proxy.close());
  assert.equal(await (await proxy.fetch("http://a.test/")).text(), "second");
  verified(proxy.requests("app")[0]);
});

test("a body that is too large, or does not fit its digest, is refused and not sent", async (t) => {
  const proxy = await proxyFor(t, { middleware: [sign({ body_bytes_max: 4 })] });
  const post = (body: string, digest = ""): Promise<Response> =>
    proxy.fetch("http://a.test/", { method: "POST", body, headers: digest === "" ? {} : { "Content-Digest": digest } });
  assert.equal((await post("12345")).status, 413);
  assert.equal((await post("1234", "sha-512=:x:, sha-256=:AAAA:")).status, 400);
  assert.equal(proxy.requests("app").length, 0);
  const right = createHash("sha256").update("1234").digest("base64");
  assert.equal((await post("1234", `sha-256=:${right}:`)).status, 200);
});

test("a short secret is refused, and the message does not show it", async () => {
  const short = "too short to be one";
  const routes = [{ upstream: "app", middleware: [sign({ secret: short })] }];
  await assert.rejects(testProxy({ routes }, { upstreams: { app: () => new Response() } }), (error: Error) => {
    assert.match(error.message, /less than 32 bytes/);
    return !error.message.includes(short);
  });
});
