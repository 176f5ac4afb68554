/** What authentication finds out, and who gets to know it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import type { FullConfig } from "../../middleware/config-input.ts";
import { defineMiddleware } from "../../middleware/define-middleware.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";
import type { TestConnection } from "../../testing/connection.ts";
import { script } from "../../testing/origin-script.ts";

const ALICE = { subject: "CN=alice,O=Example", dnsNames: ["alice.devices.example.com"] };

async function started(t: TestContext, routes: FullConfig["routes"], more: Partial<FullConfig> = {}): Promise<TestProxy> {
  const proxy = await testProxy({ routes: [...routes], ...more }, { upstreams: { app: () => new Response("in") } });
  t.after(() => proxy.close());
  return proxy;
}

/** The value of a field in the last request that came to the upstream. */
function seen(proxy: TestProxy, name: string): string | null {
  return proxy.requests("app").at(-1)?.headers.get(name) ?? null;
}

describe("a client's certificate", () => {
  test("is a way in; without one the other methods are asked, and one that is not admitted is refused", async (t) => {
    const authentication = { certificate: { dns: "*.devices.example.com" }, tokens: ["secret"], identity_headers: { user: "X-User" } };
    const proxy = await started(t, [{ upstream: "app", authentication }]);
    const status = async (init: object): Promise<number> => (await proxy.fetch("https://a.test/", init)).status;
    assert.equal(await status({ tls: { certificate: ALICE } }), 200);
    assert.equal(seen(proxy, "x-user"), "CN=alice,O=Example");
    assert.equal(await status({ tls: { certificate: { subject: "CN=eve", dnsNames: ["eve.test"] } } }), 403);
    assert.equal(await status({ tls: {}, headers: { Authorization: "Bearer secret" } }), 200);
    assert.equal(seen(proxy, "x-user"), null);
    const refused = await proxy.fetch("https://a.test/", { tls: {} });
    assert.deepEqual([refused.status, refused.headers.get("www-authenticate")], [401, 'Bearer realm="millrace"']);
    assert.deepEqual(
      proxy.log.filter(({ status: logged }) => logged !== 200).map(({ outcome }) => outcome),
      ["certificate_not_admitted", "unauthorized"],
    );
    assert.equal(proxy.metrics.value("millrace_unauthorized_total"), 2);
  });

  test("alone: a client without one is answered 403, for 401 would not say what to bring", async (t) => {
    const proxy = await started(t, [{ upstream: "app", authentication: { certificate: {} } }]);
    const refused = await proxy.fetch("http://a.test/");
    assert.deepEqual([refused.status, refused.headers.get("www-authenticate")], [403, null]);
    assert.equal(proxy.log[0]?.["outcome"], "certificate_needed");
  });
});

test("optional: who brings nothing is let in as somebody unknown, who brings something wrong is not", async (t) => {
  const proxy = await started(t, [{ upstream: "app", authentication: { tokens: ["secret"], optional: true } }]);
  const status = async (headers: Record<string, string>): Promise<number> => (await proxy.fetch("http://a.test/", { headers })).status;
  assert.deepEqual(
    [await status({}), await status({ Authorization: "Bearer secret" }), await status({ Authorization: "Bearer wrong" })],
    [200, 200, 401],
  );
});

test("the access log has the user and the method, and middleware the identity", async (t) => {
  const said: unknown[] = [];
  const look = defineMiddleware({
    name: "look",
    setup: () => ({
      onRequest({ identity }) {
        said.push(identity);
        return null;
      },
    }),
  });
  const route = { upstream: "app", authentication: { certificate: {}, optional: true }, middleware: [look()] };
  const logging: FullConfig["logging"] = { access: { fields: ["user", "authentication_method"] } };
  const proxy = await started(t, [route], { logging });
  await proxy.fetch("https://a.test/", { tls: { certificate: ALICE } });
  await proxy.fetch("https://a.test/");
  assert.deepEqual(said, [{ method: "certificate", user: "CN=alice,O=Example", roles: [], scopes: [], claims: {} }, null]);
  assert.deepEqual(
    proxy.log.map(({ user, authentication_method: method }) => [user, method]),
    [
      ["CN=alice,O=Example", "certificate"],
      [undefined, undefined],
    ],
  );
});

describe("identity headers", () => {
  const FORGED = ["X-User", "x-user", "X_User", "X-uSER", "x.user", "X_Roles", "X-Mail"] as const;
  const guarded = {
    match: { path: "/guarded/*" },
    upstream: "app",
    authentication: { certificate: {}, identity_headers: { user: "X-User", roles: "X-Roles", claims: { email: "X-Mail" } } },
  };
  const open = { upstream: "app" };

  /** Sends a request and returns the head that came to the upstream. */
  async function forwarded(proxy: TestProxy, client: TestConnection, ...pieces: readonly string[]): Promise<string> {
    for (const piece of pieces) client.send(piece);
    await client.until(/\r\n\r\nin$/);
    assert.match(client.take(), /^HTTP\/1\.1 200 /);
    return proxy.requests("app").at(-1)?.head ?? "";
  }

  for (const unsafe of ["drop", "forward"] as const) {
    const title = "are taken from no client, on any route and listener, in any spelling";
    test(`${title} (unsafe_field_names: ${unsafe})`, async (t) => {
      const listeners = [
        { address: "127.0.0.1:1", unsafe_field_names: unsafe },
        { address: "127.0.0.1:2", unsafe_field_names: unsafe },
      ] as const;
      const forging = { match: { headers: { "x-user": "admin" } }, respond: { status: 418 } };
      const proxy = await started(t, [guarded, forging, open], { listeners: [...listeners] });
      for (const listener of [0, 1]) {
        for (const name of FORGED) {
          for (const path of ["/guarded/", "/open"]) {
            const client = proxy.connect({ listener, tls: path === "/open" ? {} : { certificate: ALICE } });
            // Several times, because what was read of a head is remembered for the next one.
            for (const value of ["1", "1", "1", "2", "2"]) {
              const head = await forwarded(
                proxy,
                client,
                `GET ${path} HTTP/1.1\r\nHost: a.test\r\nA: b\r\n${name}: admin\r\nZ: ${value}\r\n\r\n`,
              );
              assert.doesNotMatch(head, /admin/, `${name} on ${path}`);
              assert.match(head, /\r\nA: b\r\nZ: /);
              assert.equal(/^X-User: CN=alice,O=Example$/m.test(head), path !== "/open");
            }
            client.close();
          }
        }
      }
    });
  }

  test("are taken from trusted proxies as little, nor in trailers", async (t) => {
    const received: string[] = [];
    const origin = script.raw(async (connection) => {
      received.push(await connection.until(/\r\n0\r\n(?:.+\r\n)*\r\n/));
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nin");
    });
    const proxy = await testProxy({ routes: [guarded, open], trusted_proxies: ["192.0.2.7"] }, { upstreams: { app: origin } });
    t.after(() => proxy.close());
    const client = proxy.connect({ from: "192.0.2.7" });
    client.send(
      "POST / HTTP/1.1\r\nHost: a.test\r\nX-User: admin\r\nTransfer-Encoding: chunked\r\nTrailer: X-User, X-Sum\r\n\r\n1\r\na\r\n0\r\nX-User: admin\r\nX_User: admin\r\nX-Sum: 1\r\n\r\n",
    );
    await client.until(/\r\n\r\nin$/);
    assert.match(received[0] ?? "", /\r\n0\r\nX-Sum: 1\r\n\r\n$/);
    assert.doesNotMatch(received[0] ?? "", /admin/);
  });

  test("are taken from the trailers of a request during which a reload ends them", async (t) => {
    const received: string[] = [];
    const origin = script.raw(async (connection) => {
      received.push(await connection.until(/\r\n0\r\n(?:.+\r\n)*\r\n/));
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nin");
    });
    const proxy = await testProxy({ routes: [guarded, open] }, { upstreams: { app: origin } });
    t.after(() => proxy.close());
    const client = proxy.connect();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    await proxy.advance(1);
    await proxy.reload({ routes: [open] });
    client.send("0\r\nX-User: admin\r\nX-Sum: 1\r\n\r\n");
    await client.until(/\r\n\r\nin$/);
    assert.match(received[0] ?? "", /\r\n0\r\nX-Sum: 1\r\n\r\n$/);
  });

  test("a reload that begins to write one takes it from open connections, and one that ends it gives it back", async (t) => {
    const proxy = await started(t, [open]);
    const client = proxy.connect();
    const [half, rest] = ["GET / HTTP/1.1\r\nHost: a.test\r\nX-User: own\r\n", "\r\n"];
    const passes = async (): Promise<boolean> => (await forwarded(proxy, client, half, rest)).includes("X-User: own");
    assert.deepEqual([await passes(), await passes()], [true, true]);
    await proxy.reload({ routes: [guarded, open] });
    assert.deepEqual([await passes(), await passes()], [false, false]);
    // A head of which one half came before.
    client.send(half);
    await proxy.reload({ routes: [open] });
    assert.match(await forwarded(proxy, client, rest), /X-User: own/);
    client.send(half);
    await proxy.reload({ routes: [guarded, open] });
    assert.doesNotMatch(await forwarded(proxy, client, rest), /X-User/);
  });
});

describe("require", () => {
  test("refuses whom it knows and who lacks something, after authentication and before the upstream", async (t) => {
    const proxy = await started(t, [{ upstream: "app", authentication: { tokens: ["secret"] }, require: { roles: ["admin"] } }]);
    assert.equal((await proxy.fetch("http://a.test/")).status, 401);
    const refused = await proxy.fetch("http://a.test/", { headers: { Authorization: "Bearer secret" } });
    assert.deepEqual([refused.status, refused.headers.get("proxy-status")], [403, "millrace; error=http_request_denied"]);
    assert.equal(proxy.log.at(-1)?.["outcome"], "role_required");
    assert.equal(proxy.metrics.value("millrace_requirement_lacked_total"), 1);
  });

  test("what a configuration may not say", async () => {
    const wrong = async (route: object): Promise<unknown> =>
      testProxy({ routes: [{ upstream: "app", ...route }] }, { upstreams: { app: () => new Response() } });
    await assert.rejects(
      wrong({ require: { roles: ["a"] } }),
      /require: it is about clients that are known: the route needs authentication/,
    );
    await assert.rejects(wrong({ require: {}, authentication: { tokens: ["a"] } }), /it requires nothing/);
    await assert.rejects(wrong({ require: { scopes: ["a b"] }, authentication: { tokens: ["a"] } }), /expected a scope/);
    await assert.rejects(wrong({ require: { roles: ["a"] }, authentication: { tokens: ["a"], optional: true } }), /optional/);
    await assert.rejects(wrong({ authentication: {} }), /expected at least one of tokens, api_keys, jwt, basic, certificate/);
    const twice = { tokens: ["a"], identity_headers: { user: "X-User", claims: { sub: "x-user" } } };
    await assert.rejects(wrong({ authentication: twice }), /another key has the same field/);
    await assert.rejects(wrong({ authentication: { tokens: ["a"], identity_headers: { user: "Host" } } }), /the field Host is not for/);
  });
});
