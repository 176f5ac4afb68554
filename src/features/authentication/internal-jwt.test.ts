import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from "jose";
import type { JWTVerifyResult } from "jose";
import { problemsOf } from "../../config/load.fixture.ts";
import { newSigningKeyCommand } from "../../cli/new-signing-key.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";
import { readSigningKey } from "./read-signing-key.ts";

const SECRET = "a secret of the proxy and its application";
const CERTIFICATE = { subject: "CN=alice,O=Example" };

/** A private key, and the key set that is printed beside it. */
function newKey(algorithm: "ES256" | "EdDSA" = "ES256"): { readonly file: string; readonly keys: ReturnType<typeof createLocalJWKSet> } {
  let [file, told] = ["", ""];
  newSigningKeyCommand(
    algorithm,
    (text) => (file += text),
    (text) => (told += text),
  );
  return { file, keys: createLocalJWKSet(JSON.parse(told.split("\n")[1] ?? "")) };
}

async function started(t: TestContext, authentication: object, files: Record<string, string> = {}, route: object = {}): Promise<TestProxy> {
  const proxy = await testProxy(
    {
      routes: [
        { match: { path: "/open" }, upstream: "app" },
        { upstream: "app", ...route, authentication },
      ],
    },
    { upstreams: { app: () => new Response("in") }, files },
  );
  t.after(() => proxy.close());
  return proxy;
}

function seen(proxy: TestProxy, name: string = "x-internal-token"): string {
  return proxy.requests("app").at(-1)?.headers.get(name) ?? "";
}

/** Verifies as an application does, at the proxy's time. */
async function verified(
  token: string,
  keys: Parameters<typeof jwtVerify>[1] | ReturnType<typeof createLocalJWKSet>,
  at = Date.UTC(2026, 0, 1),
): Promise<JWTVerifyResult> {
  const options = { issuer: "millrace", audience: "app", typ: "internal+jwt", currentDate: new Date(at), requiredClaims: ["exp"] };
  return typeof keys === "function" ? await jwtVerify(token, keys, options) : await jwtVerify(token, keys, options);
}

describe("a token for the upstream", () => {
  for (const algorithm of ["ES256", "EdDSA"] as const) {
    test(`is signed by ${algorithm}, and verified by the keys that are printed beside the private one`, async (t) => {
      const { file, keys } = newKey(algorithm);
      const proxy = await started(
        t,
        { certificate: {}, internal_jwt: { key_file: "internal.jwk", audience: "app" } },
        { "internal.jwk": file },
      );
      await proxy.fetch("https://a.test/", { tls: { certificate: CERTIFICATE } });
      const { payload, protectedHeader } = await verified(seen(proxy), keys);
      assert.deepEqual(payload, {
        iss: "millrace",
        aud: "app",
        sub: "CN=alice,O=Example",
        authentication_method: "certificate",
        iat: Date.UTC(2026, 0, 1) / 1000,
        exp: Date.UTC(2026, 0, 1) / 1000 + 60,
      });
      assert.deepEqual(
        [protectedHeader.alg, protectedHeader.typ, (JSON.parse(file) as { kid: string }).kid],
        [algorithm, "internal+jwt", protectedHeader.kid],
      );
    });
  }

  test("is signed by a secret, and holds roles, scopes and chosen claims of the client's own token, which does not pass itself", async (t) => {
    const own = "a secret of whoever signs for clients";
    const internal_jwt = {
      secret: SECRET,
      audience: ["app", "other"],
      issuer: "edge",
      claims: ["email", "realm.tenant", "none"],
      lifetime: "5m",
    };
    const proxy = await started(t, { jwt: { audience: "api", secret: own }, internal_jwt });
    const claims = {
      sub: "al\u00edce",
      roles: ["dev"],
      scope: "read write",
      email: "a@b.test",
      realm: { tenant: "acme" },
      aud: "api",
      iss: "x",
    };
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime(new Date(Date.UTC(2027, 0, 1)))
      .sign(Buffer.from(own));
    await proxy.fetch("http://a.test/", { headers: { Authorization: `Bearer ${token}` } });
    const { payload } = await jwtVerify(seen(proxy), Buffer.from(SECRET), { currentDate: new Date(Date.UTC(2026, 0, 1)) });
    const { iat, exp = 0, ...said } = payload;
    assert.equal(exp - (iat ?? 0), 300);
    assert.deepEqual(said, {
      email: "a@b.test",
      "realm.tenant": "acme",
      iss: "edge",
      aud: ["app", "other"],
      sub: "al\u00edce",
      roles: ["dev"],
      scope: "read write",
      authentication_method: "jwt",
    });
    assert.equal(seen(proxy, "authorization"), "");
  });

  test("is the same for a client until three quarters of its time are over, and another one for another client", async (t) => {
    const { file, keys } = newKey();
    const proxy = await started(t, { certificate: {}, internal_jwt: { key_file: "k", audience: "app" } }, { k: file });
    const tokenOf = async (subject: string): Promise<string> => {
      await proxy.fetch("https://a.test/", { tls: { certificate: { subject } } });
      return seen(proxy);
    };
    const first = await tokenOf("CN=alice");
    await proxy.advance("44s");
    assert.equal(await tokenOf("CN=alice"), first);
    const other = await tokenOf("CN=bob");
    assert.equal((await verified(other, keys)).payload.sub, "CN=bob");
    await proxy.advance("1s");
    const next = await tokenOf("CN=alice");
    assert.notEqual(next, first);
    assert.equal((await verified(next, keys, Date.UTC(2026, 0, 1, 0, 1, 44))).payload.sub, "CN=alice");
    await assert.rejects(verified(first, keys, Date.UTC(2026, 0, 1, 0, 1, 0)));
  });

  test("is for one application, also where routes share the key and the client", async (t) => {
    const { file } = newKey();
    const tokens = { tokens: ["key"] };
    const own = {
      match: { path: "/own" },
      upstream: "app",
      authentication: { ...tokens, internal_jwt: { key_file: "k", audience: "own" } },
    };
    const other = { upstream: "app", authentication: { ...tokens, internal_jwt: { key_file: "k", audience: "other", header: "X-Other" } } };
    const proxy = await testProxy({ routes: [own, other] }, { upstreams: { app: () => new Response("in") }, files: { k: file } });
    t.after(() => proxy.close());
    const audienceIn = (name: string): unknown => (seen(proxy, name) === "" ? null : decodeJwt(seen(proxy, name)).aud);
    for (const [path, audiences] of [
      ["/own", ["own", null]],
      ["/", [null, "other"]],
      ["/own", ["own", null]],
    ] as const) {
      await proxy.fetch(`http://a.test${path}`, { headers: { "X-API-Key": "key" } });
      assert.deepEqual([audienceIn("x-internal-token"), audienceIn("x-other")], audiences, path);
    }
  });

  test("that says much is remembered for its identity alone, so that memory stays bounded", async (t) => {
    const { file } = newKey();
    let groups = "";
    const service = "http://127.0.0.1:9091";
    const proxy = await testProxy(
      {
        routes: [
          {
            upstream: "app",
            authentication: { forward: { url: service, roles: "X-Groups" }, internal_jwt: { key_file: "k", audience: "app" } },
          },
        ],
      },
      {
        upstreams: { app: () => new Response("in"), [service]: () => new Response(null, { headers: { "X-Groups": groups } }) },
        files: { k: file },
      },
    );
    t.after(() => proxy.close());
    // Each answer of the service makes another identity, and each signature is another one.
    const tokensOf = async (members: number): Promise<number> => {
      groups = Array.from({ length: members }, (_, index) => `group-${index}`).join(",");
      const made = new Set<string>();
      for (let request = 0; request < 3; request++) {
        await proxy.fetch("http://a.test/");
        made.add(seen(proxy));
      }
      return made.size;
    };
    assert.deepEqual([await tokensOf(10), await tokensOf(300)], [1, 3]);
  });

  test("is made when the request is sent, however long its body took", async (t) => {
    const { file, keys } = newKey();
    const proxy = await started(
      t,
      { tokens: ["key"], internal_jwt: { key_file: "k", audience: "app" } },
      { k: file },
      { buffer: { request: "64KiB" } },
    );
    const client = proxy.connect();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nX-API-Key: key\r\nContent-Length: 30000\r\n\r\n");
    for (let second = 0; second < 100; second++) {
      client.send("x".repeat(300));
      await proxy.advance("1s");
    }
    assert.equal((await verified(seen(proxy), keys, Date.UTC(2026, 0, 1, 0, 1, 41))).payload.iat, Date.UTC(2026, 0, 1, 0, 1, 39) / 1000);
  });

  test("is taken from no client, on no route, in no spelling, and clients that are not known have none", async (t) => {
    const proxy = await started(t, { tokens: ["key"], optional: true, internal_jwt: { secret: SECRET, audience: "app" } });
    const forged = { "X-Internal-Token": "forged", x_internal_token: "forged" };
    for (const [url, token] of [
      ["http://a.test/", ""],
      ["http://a.test/open", "key"],
    ] as const) {
      await proxy.fetch(url, { headers: { ...forged, ...(token === "" ? {} : { "X-API-Key": token }) } });
      assert.doesNotMatch(proxy.requests("app").at(-1)?.head ?? "", /forged|internal.token/i);
    }
    await proxy.fetch("http://a.test/", { headers: { ...forged, "X-API-Key": "key" } });
    assert.match(seen(proxy), /^[\w-]+\.[\w-]+\.[\w-]+$/);
    assert.doesNotMatch(proxy.requests("app").at(-1)?.head ?? "", /forged/);
  });

  test("may stand in Authorization, which is then the proxy's on this route", async (t) => {
    const proxy = await started(t, {
      certificate: {},
      optional: true,
      internal_jwt: { header: "Authorization", secret: SECRET, audience: "app" },
    });
    const headers = { Authorization: "Bearer theirs" };
    await proxy.fetch("https://a.test/", { headers, tls: { certificate: CERTIFICATE } });
    const [scheme, token = ""] = seen(proxy, "authorization").split(" ");
    assert.deepEqual([scheme, decodeProtectedHeader(token).alg], ["Bearer", "HS256"]);
    await proxy.fetch("https://a.test/", { headers });
    assert.equal(seen(proxy, "authorization"), "", "a client that is not known");
    await proxy.fetch("https://a.test/open", { headers });
    assert.equal(seen(proxy, "authorization"), "Bearer theirs");
  });

  test("is signed by a new key within two seconds of its file, and by the old one while the new file is wrong", async (t) => {
    const [old, young] = [newKey(), newKey("EdDSA")];
    const files: Record<string, string> = { k: old.file };
    const proxy = await started(t, { tokens: ["key"], internal_jwt: { key_file: "k", audience: "app" } }, files);
    const token = async (): Promise<string> => {
      await proxy.fetch("http://a.test/", { headers: { "X-API-Key": "key" } });
      return seen(proxy);
    };
    const first = await token();
    files["k"] = JSON.stringify({ ...(JSON.parse(young.file) as object), d: "short" });
    await proxy.advance("2s");
    assert.equal(await token(), first);
    const [said] = proxy.log.filter(({ event }) => event === "credentials_refused");
    assert.match(String(said?.["message"]), /key #1 is not complete/);
    files["k"] = young.file;
    await proxy.advance("2s");
    const next = await token();
    assert.equal((await verified(next, young.keys)).payload["authentication_method"], "tokens");
    await assert.rejects(verified(next, old.keys));
  });

  test("is no way into the proxy, whoever verifies with the same key", async (t) => {
    const { file } = newKey();
    const { d: _, ...key } = JSON.parse(file) as Record<string, string>;
    const authentication = {
      certificate: {},
      jwt: { audience: "app", jwks_file: "public", algorithms: ["ES256"] },
      internal_jwt: { key_file: "k", audience: "app" },
    };
    const proxy = await started(t, authentication, { k: file, public: JSON.stringify({ keys: [key] }) });
    await proxy.fetch("https://a.test/", { tls: { certificate: CERTIFICATE } });
    const refused = await proxy.fetch("https://a.test/", { headers: { Authorization: `Bearer ${seen(proxy)}` } });
    assert.equal(refused.status, 401);
  });
});

test("the file of keys: what is wrong is said, and none of it is shown", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
  const good = JSON.parse(newKey().file) as Record<string, unknown>;
  for (const [text, message] of [
    ["-----BEGIN PRIVATE KEY-----", "it is not valid JSON: millrace new-key --internal prints such a file"],
    ["{}", "key #1 is none of the curve P-256 or Ed25519"],
    ['{ "keys": [] }', "there is no key in it"],
    ["[]", "key #1 is none of the curve P-256 or Ed25519"],
    [JSON.stringify(rsa), "key #1 is none of the curve P-256 or Ed25519"],
    [JSON.stringify({ ...good, d: undefined }), "key #1 is a public key: tokens are signed with a private one"],
    [JSON.stringify({ keys: [good, { ...good, x: "x" }] }), "key #2 is not complete"],
    [JSON.stringify({ ...good, kid: 1 }), "key #1 has a name (kid) that is no text"],
  ] as const)
    assert.deepEqual(readSigningKey(text), { problems: [message] });
  const read = readSigningKey(JSON.stringify({ keys: [good, JSON.parse(newKey("EdDSA").file)] }));
  assert.ok("text" in read);
  assert.equal((JSON.parse(read.text) as { algorithm: string }).algorithm, "ES256", "the first signs");
});

test("the configuration: what is missing, or contradicts itself, is said", () => {
  for (const [internal, message] of [
    ["{ audience: a }", /internal_jwt: expected key_file or secret/],
    ["{ secret: short, audience: a }", /internal_jwt\.secret: expected at least 32 characters/],
    [`{ secret: ${SECRET}, key_file: k, audience: a }`, /internal_jwt\.secret: tokens are signed with key_file already/],
    [`{ secret: ${SECRET} }`, /internal_jwt\.audience: is missing/],
    [`{ secret: ${SECRET}, audience: a, claims: [roles] }`, /claims\.#1: the proxy itself says what stands there/],
    [`{ secret: ${SECRET}, audience: a, header: Host }`, /internal_jwt\.header: the field Host/],
    [
      `{ secret: ${SECRET}, audience: a, header: x-user }, identity_headers: { user: X-User }`,
      /internal_jwt: another key has the same field/,
    ],
    [`{ secret: ${SECRET}, audience: a }, jwt: { audience: a, secret: ${SECRET} }`, /secret: clients' tokens are verified with it/],
  ] as const) {
    const text = `listeners: [{ address: ":80" }]\nupstreams: { app: { endpoints: ["http://b"] } }\nroutes: [{ upstream: app, authentication: { certificate: {}, internal_jwt: ${internal} } }]`;
    const problems = problemsOf(text).join("\n");
    assert.match(problems, message);
    assert.ok(!problems.includes(SECRET));
  }
});
