/** Tokens that somebody else has signed, through the whole proxy. The issuer of the tests signs with `jose`. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { SignJWT, exportJWK, generateKeyPair, importJWK } from "jose";
import type { JWK, JWTPayload } from "jose";
import type { RouteAuthenticationInput } from "../../config/input.ts";
import { CredentialFiles } from "../../shared/credential-files.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";
import { JwtVerifier } from "./jwt.ts";
import { isRefusal } from "./method.ts";

const NOW = Date.UTC(2026, 0, 1) / 1000;
const URL = "https://id.example/jwks.json";

interface SigningKey {
  readonly secret: CryptoKey;
  readonly shown: JWK;
}

async function signingKey(alg: string, kid?: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { secret: privateKey, shown: { ...(await exportJWK(publicKey)), alg, ...(kid === undefined ? {} : { kid }) } };
}

const [FIRST, SECOND, RSA] = await Promise.all([signingKey("ES256", "one"), signingKey("ES256", "two"), signingKey("RS256", "rsa")]);

function keySet(...keys: readonly SigningKey[]): string {
  return JSON.stringify({ keys: keys.map(({ shown }) => shown) });
}

const CLAIMS: JWTPayload = { iss: "https://id.example", aud: "api", sub: "alice", roles: ["user", "admin"], scope: "read write" };

function signed(key: SigningKey, more: JWTPayload = {}, header: object = {}, without: readonly string[] = []): Promise<string> {
  const { alg = "", kid } = key.shown;
  const claims = Object.entries({ ...CLAIMS, exp: NOW + 60, ...more }).filter(([name]) => !without.includes(name));
  return new SignJWT(Object.fromEntries(claims))
    .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }), ...header })
    .sign(key.secret);
}

const JWT = { issuer: "https://id.example", audience: "api", jwks_url: URL };

type Authentication = RouteAuthenticationInput;

interface Stage {
  readonly proxy: TestProxy;
  readonly files: Record<string, string>;
  /** The status of the answer to a request with that token. */
  ask(token: string, headers?: Record<string, string>): Promise<number>;
  /** A field of the last request that came to the upstream. */
  seen(name: string): string | null;
}

async function stage(t: TestContext, jwt: NonNullable<Authentication["jwt"]> = JWT, more: Partial<Authentication> = {}): Promise<Stage> {
  const files: Record<string, string> = { [URL]: keySet(FIRST) };
  const authentication = {
    jwt,
    identity_headers: { user: "X-User", roles: "X-Roles", scopes: "X-Scopes", claims: { email: "X-Mail" } },
    ...more,
  };
  const proxy = await testProxy({ routes: [{ upstream: "app", authentication }] }, { files, upstreams: { app: () => new Response("in") } });
  t.after(() => proxy.close());
  return {
    proxy,
    files,
    ask: async (token, headers = { Authorization: `Bearer ${token}` }) => (await proxy.fetch("http://a.test/", { headers })).status,
    seen: (name) => proxy.requests("app").at(-1)?.headers.get(name) ?? null,
  };
}

interface Verifying {
  readonly files: CredentialFiles;
  /** The key servers that the main thread was asked to ask. */
  readonly wanted: readonly string[];
  /** Gives the user, or the status of the refusal. */
  judge(token: string, ms?: number): Promise<string | number>;
  /** The same on another route with the same key server. */
  judgeElsewhere(token: string, ms?: number): Promise<string | number>;
  /** Another answer of the key server comes from the main thread. */
  tell(text: string | null): void;
}

/** A verifier without a proxy, whose key server has given that set. */
function verifier(text: string | null): Verifying {
  const wanted: string[] = [];
  const files = new CredentialFiles((url) => void wanted.push(url));
  let version = 0;
  const tell = (told: string | null): void => files.take([{ path: URL, version: ++version, text: told }]);
  tell(text);
  const claims = { user: "sub", roles: "roles", scopes: "scope" };
  const config: ConstructorParameters<typeof JwtVerifier>[0] = {
    ...JWT,
    issuer: [JWT.issuer],
    audience: [JWT.audience],
    algorithms: ["ES256"],
    clock_skew: 0,
    from: "header",
    forward: false,
    claims,
  };
  const judging = (): Verifying["judge"] => {
    const verifying = new JwtVerifier(config, files);
    return async (token, ms = 0) => {
      const verdict = await verifying.judge(token, NOW * 1000 + ms);
      return isRefusal(verdict) ? verdict.status : verdict.user;
    };
  };
  return { files, wanted, judge: judging(), judgeElsewhere: judging(), tell };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}

test("a token of the issuer lets in, says who is there, and goes no further", async (t) => {
  const { ask, seen } = await stage(t);
  const token = await signed(FIRST, { email: "alice@example.com" });
  for (let round = 0; round < 3; round++) {
    assert.equal(await ask(token), 200);
    assert.deepEqual(["x-user", "x-roles", "x-scopes", "x-mail", "authorization"].map(seen), [
      "alice",
      "user,admin",
      "read,write",
      "alice@example.com",
      null,
    ]);
  }
});

describe("refused with 401", () => {
  const wrong: Readonly<Record<string, () => Promise<string>>> = {
    "another issuer": () => signed(FIRST, { iss: "https://evil.example" }),
    "no issuer": () => signed(FIRST, {}, {}, ["iss"]),
    "another audience": () => signed(FIRST, { aud: ["other", "another"] }),
    "an end that has passed": () => signed(FIRST, { exp: NOW - 31 }),
    "no end": () => signed(FIRST, {}, {}, ["exp"]),
    "a beginning that has not come": () => signed(FIRST, { nbf: NOW + 31 }),
    "a key of the same name that is another": async () => signed({ ...FIRST, secret: SECOND.secret }),
    "a changed claim": async () => {
      const [head = "", body = "", signature = ""] = (await signed(FIRST)).split(".");
      const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as JWTPayload;
      return [head, Buffer.from(JSON.stringify({ ...claims, sub: "root" })).toString("base64url"), signature].join(".");
    },
    "no signature: none, in any case": async () => {
      const [, body = ""] = (await signed(FIRST)).split(".");
      return `${Buffer.from('{"alg":"nOnE"}').toString("base64url")}.${body}.AA`;
    },
    // RFC 8725 section 2.1: the public key is no secret.
    "a signature by HMAC with the public key as the secret": async () => {
      const [, body = ""] = (await signed(FIRST)).split(".");
      const head = Buffer.from('{"alg":"HS256","kid":"one"}').toString("base64url");
      const mac = createHmac("sha256", JSON.stringify(FIRST.shown)).update(`${head}.${body}`).digest("base64url");
      return `${head}.${body}.${mac}`;
    },
    "a key that it brings itself": () => signed(SECOND, {}, { jwk: SECOND.shown, kid: "own" }),
    "a key that it says where to fetch": () => signed(SECOND, {}, { jku: "https://evil.example/keys", kid: "own" }),
    "an extension that must be understood": () => signed(FIRST, {}, { crit: ["exp"], exp: 1 }).catch(() => "a.b.c"),
    "text that only looks like one": () => Promise.resolve("a.b.c"),
    "an endless one": () => Promise.resolve(`${"a".repeat(20_000)}.b.c`),
  };
  /** Who has a token that the issuer has signed is told what else is wrong with it. */
  const SAID: Readonly<Record<string, string>> = {
    "another issuer": "The token is not of this issuer.",
    "no issuer": "The token is not of this issuer.",
    "another audience": "The token was not made for this audience.",
    "an end that has passed": "The token has expired.",
    "no end": "The token has no end (exp).",
    "a beginning that has not come": "The token is not valid yet.",
  };
  for (const [what, make] of Object.entries(wrong)) {
    test(what, async (t) => {
      const { proxy, ask } = await stage(t);
      const token = await make();
      const refused = await proxy.fetch("http://a.test/", { headers: { Authorization: `Bearer ${token}` } });
      // The head is too large for some.
      assert.equal(refused.status, 401);
      const said = SAID[what];
      const description = said === undefined ? "" : `, error_description="${said}"`;
      assert.equal(refused.headers.get("www-authenticate"), `Bearer realm="millrace", error="invalid_token"${description}`);
      assert.equal(await refused.text(), `401 Unauthorized: ${said ?? "The token is not valid."}\n`);
      assert.equal(await ask(await signed(FIRST)), 200);
    });
  }

  test("an algorithm that is not on the list, although the key set has its key", async (t) => {
    const { files, ask, proxy } = await stage(t, { ...JWT, algorithms: ["ES256"] });
    files[URL] = keySet(FIRST, RSA);
    await proxy.advance("2s");
    assert.deepEqual([await ask(await signed(RSA)), await ask(await signed(FIRST))], [401, 200]);
  });
});

describe("what was verified is remembered", () => {
  test("until the token's end, with the skew of the clocks, and no longer", async (t) => {
    const { proxy, ask } = await stage(t);
    const token = await signed(FIRST);
    assert.equal(await ask(token), 200);
    await proxy.advance("89s");
    assert.equal(await ask(token), 200);
    await proxy.advance("2s");
    assert.equal(await ask(token), 401);
  });

  test("no longer than its key stands in the set", async (t) => {
    const { proxy, files, ask } = await stage(t);
    const token = await signed(FIRST);
    assert.equal(await ask(token), 200);
    files[URL] = keySet(SECOND);
    await proxy.advance("2s");
    assert.deepEqual([await ask(token), await ask(await signed(SECOND))], [401, 200]);
  });

  test("no longer than the configuration that has verified it holds", async (t) => {
    const { proxy, ask } = await stage(t);
    const token = await signed(FIRST);
    assert.equal(await ask(token), 200);
    await proxy.reload({ routes: [{ upstream: "app", authentication: { jwt: { ...JWT, audience: "other" } } }] });
    assert.equal(await ask(token), 401);
  });

  test("not by another route with other demands", async (t) => {
    const files = { [URL]: keySet(FIRST) };
    const routes = ["api", "other"].map((audience) => ({
      match: { path: `/${audience}` },
      upstream: "app",
      authentication: { jwt: { ...JWT, audience } },
    }));
    const proxy = await testProxy({ routes }, { files, upstreams: { app: () => new Response("in") } });
    t.after(() => proxy.close());
    const headers = { Authorization: `Bearer ${await signed(FIRST)}` };
    const status = async (path: string): Promise<number> => (await proxy.fetch(`http://a.test${path}`, { headers })).status;
    assert.deepEqual([await status("/api"), await status("/other"), await status("/api")], [200, 401, 200]);
  });
});

test("a key that is withdrawn while it verifies a token verifies nothing, and nothing of it is remembered", async () => {
  const { judge, tell, wanted } = verifier(keySet(FIRST));
  const [token, other] = [await signed(FIRST), await signed(SECOND)];
  // The library is there from now on, so that the next token has the keys at once.
  assert.equal(await judge("a.b.c"), 401);
  let verdict: string | number | null = null;
  const underWay = judge(token).then((found) => (verdict = found));
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  tell(keySet(SECOND));
  // The first token that is judged by the new set makes it the one in use, while the other one is still being verified by the old one.
  assert.equal(await judge(other), "alice");
  // The server is asked whether it has that key after all.
  await until(() => wanted.length === 1 || verdict !== null);
  tell(keySet(SECOND));
  assert.equal(await underWay, 401);
  assert.equal(await judge(token), 401);
});

describe("a key server", () => {
  test("is asked again for a key that nobody knows, but not for every one that a client makes up", async (t) => {
    const { proxy, files, ask } = await stage(t);
    assert.equal(await ask(await signed(FIRST)), 200);
    files[URL] = keySet(FIRST, SECOND);
    assert.equal(await ask(await signed(SECOND)), 200, "asked at once");
    const made = await signed({ ...SECOND, shown: { ...SECOND.shown, kid: "made up" } });
    assert.equal(await ask(made), 401);
    const third = await signingKey("ES256", "three");
    files[URL] = keySet(third);
    // Not asked again within half a minute: the clock of the test stands still, and so does the look at files.
    assert.equal(await ask(await signed(third)), 401);
    await proxy.advance("31s");
    assert.equal(await ask(await signed(third)), 200);
  });

  test("that is down leaves the keys at hand in use", async (t) => {
    const { proxy, files, ask } = await stage(t);
    delete files[URL];
    await proxy.advance("2s");
    assert.equal(await ask(await signed(FIRST)), 200);
    files[URL] = "<html>bad gateway</html>";
    await proxy.advance("2s");
    assert.equal(await ask(await signed(FIRST)), 200);
    assert.equal(proxy.log.filter(({ event }) => event === "credentials_refused").length, 2);
  });

  test("that has not answered yet: 503, and 200 as soon as it has", async (t) => {
    const files: Record<string, string> = {};
    const proxy = await testProxy(
      { routes: [{ upstream: "app", authentication: { jwt: JWT } }] },
      { files, upstreams: { app: () => new Response("in") } },
    );
    t.after(() => proxy.close());
    const headers = { Authorization: `Bearer ${await signed(FIRST)}` };
    const refused = await proxy.fetch("http://a.test/", { headers });
    assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "5"]);
    files[URL] = keySet(FIRST);
    await proxy.advance("1s");
    assert.equal((await proxy.fetch("http://a.test/", { headers })).status, 200);
  });

  test("that has not answered yet is asked once a second, however many tokens come; each waits for that answer at most", async () => {
    const { files, wanted, judge, tell } = verifier(null);
    const token = await signed(FIRST);
    const waiting = Array.from({ length: 50 }, (_, index) => judge(index % 2 === 0 ? token : "a.b.c"));
    assert.equal(wanted.length, 1);
    tell(null);
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set([503]));
    for (let round = 0; round < 50; round++) assert.equal(await judge(token, 999), 503);
    assert.equal(wanted.length, 1);
    const last = judge(token, 1000);
    assert.equal(wanted.length, 2);
    tell(keySet(FIRST));
    assert.equal(await last, "alice");
    // The name of a key that nobody knows is no reason to ask again so soon, and a later one is.
    assert.equal(await judge(await signed(SECOND), 1001), 401);
    assert.equal(wanted.length, 2);
    const unknown = judge(await signed(SECOND), 31_000);
    await until(() => wanted.length === 3);
    files.take([]);
    assert.equal(await unknown, 401);
  });

  test("that is asked for a new key lets everybody wait who has a token of it, on all routes", async () => {
    const { wanted, judge, judgeElsewhere, tell } = verifier(keySet(FIRST));
    const token = await signed(SECOND);
    const waiting = [judge(token), judge(token), judgeElsewhere(token)];
    await until(() => wanted.length > 0);
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    tell(keySet(FIRST, SECOND));
    assert.deepEqual(await Promise.all(waiting), ["alice", "alice", "alice"]);
    assert.equal(wanted.length, 1);
  });

  test("whose use a reload ends lets nobody wait for it", async () => {
    const { files, judge } = verifier(null);
    const waiting = judge(await signed(FIRST));
    files.take([]);
    assert.equal(await waiting, 503);
    assert.equal(await judge(await signed(FIRST), 2000), 503);
  });
});

test("a token without the name of a key is tried with every key that fits", async (t) => {
  const { proxy, files, ask } = await stage(t);
  const [one, two] = [
    { ...FIRST, shown: { ...FIRST.shown } },
    { ...SECOND, shown: { ...SECOND.shown } },
  ];
  delete one.shown.kid;
  delete two.shown.kid;
  files[URL] = keySet(one, two);
  await proxy.advance("2s");
  assert.deepEqual(
    [await ask(await signed(one)), await ask(await signed(two)), await ask(await signed({ ...RSA, shown: { alg: "RS256" } }))],
    [200, 200, 401],
  );
});

test("a shared secret: HMAC and nothing else", async (t) => {
  const secret = "0123456789abcdef0123456789abcdef";
  const { ask } = await stage(t, { audience: "api", secret });
  const token = await new SignJWT({ ...CLAIMS, exp: NOW + 60 }).setProtectedHeader({ alg: "HS256" }).sign(Buffer.from(secret));
  assert.deepEqual([await ask(token), await ask(await signed(FIRST))], [200, 401]);
  const other = await new SignJWT({ ...CLAIMS, exp: NOW + 60 }).setProtectedHeader({ alg: "HS512" }).sign(Buffer.from(secret));
  assert.equal(await ask(other), 401);
});

test("from a cookie: it is taken out of what goes upstream, the others stay", async (t) => {
  const { ask, seen } = await stage(t, { ...JWT, from: "cookie:session" });
  const token = await signed(FIRST);
  assert.equal(await ask("", { Cookie: `a=1; session=${token}; b=2` }), 200);
  assert.equal(seen("cookie"), "a=1; b=2");
  assert.equal(await ask("", { Cookie: "session=wrong" }), 401);
  assert.equal(await ask("", { Cookie: "a=1" }), 401);
  assert.equal(await ask("", { Authorization: `Bearer ${token}` }), 401, "a token elsewhere is none");
});

test("from a cookie with forward: true: the upstream gets the one that was verified, and no other of its name", async (t) => {
  const { ask, seen } = await stage(t, { ...JWT, from: "cookie:session", forward: true }, { tokens: ["key"], optional: true });
  const token = await signed(FIRST);
  const forged = `${token}x`;
  for (const [cookie, got] of [
    [`session=${token}; a=1`, `a=1; session=${token}`],
    [`session=${token}; a=1; session=${forged}`, `a=1; session=${token}`],
    [`session=${token}; session =${forged}`, `session=${token}`],
    [`\u00a0session=${token}; session=${forged}`, `session=${token}`],
    [`session=; session=${forged}`, null],
  ] as const) {
    assert.equal(await ask("", { Cookie: cookie }), 200, cookie);
    assert.equal(seen("cookie"), got, cookie);
  }
  // The key decides, and nobody has looked at the cookie.
  assert.equal(await ask("", { "X-API-Key": "key", Cookie: `session=${forged}; a=1` }), 200);
  assert.equal(seen("cookie"), "a=1");
});

test("forward: true leaves it with the request", async (t) => {
  const { ask, seen } = await stage(t, { ...JWT, forward: true });
  const token = await signed(FIRST);
  assert.equal(await ask(token), 200);
  assert.equal(seen("authorization"), `Bearer ${token}`);
});

test("beside tokens and keys: the form of a value says what it is", async (t) => {
  const { ask, seen } = await stage(t, JWT, { tokens: ["plain-token", "looks.like.jwt"] });
  assert.equal(await ask("plain-token"), 200);
  assert.equal(seen("x-user"), null);
  assert.equal(await ask(await signed(FIRST)), 200);
  assert.equal(seen("x-user"), "alice");
  assert.equal(await ask("looks.like.jwt"), 401);
  assert.equal(await ask("other-token"), 401);
});

test("claims from elsewhere in the token", async (t) => {
  const { ask, seen } = await stage(t, { ...JWT, claims: { user: "email", roles: "realm_access.roles", scopes: "scp" } });
  assert.equal(await ask(await signed(FIRST, { email: "a@b.example", realm_access: { roles: ["x"] }, scp: ["one", "two"] })), 200);
  assert.deepEqual(["x-user", "x-roles", "x-scopes"].map(seen), ["a@b.example", "x", "one,two"]);
});

test("what a configuration may not say", async () => {
  const wrong = async (jwt: object, files: Record<string, string> = {}): Promise<unknown> =>
    testProxy(
      JSON.stringify({
        listeners: [{ address: ":1" }],
        upstreams: { app: { endpoints: ["http://a.test"] } },
        routes: [{ upstream: "app", authentication: { jwt } }],
      }),
      { files },
    );
  await assert.rejects(wrong({ audience: "a" }), /expected one of jwks_url, jwks_file and secret/);
  await assert.rejects(wrong({ audience: "a", secret: "x".repeat(32), jwks_url: URL }), /one of jwks_url, jwks_file and secret/);
  for (const secret of ["short", "$short"]) await assert.rejects(wrong({ audience: "a", secret }), /at least 32 characters/);
  await assert.rejects(wrong({ audience: "a", jwks_url: URL, algorithms: ["HS256"] }), /this algorithm is for a secret/);
  await assert.rejects(wrong({ audience: "a", secret: "x".repeat(32), algorithms: ["RS256"] }), /with a secret, only HS256/);
  await assert.rejects(wrong({ audience: "a", jwks_url: URL, algorithms: ["none"] }), /algorithms/);
  await assert.rejects(wrong({ audience: "a", jwks_url: "http://id.example/keys" }), /expected an https URL/);
  await assert.rejects(wrong({ jwks_url: URL }), /audience/);
  const shared = JSON.stringify({ keys: [await exportJWK(await importJWK({ kty: "oct", k: "c2VjcmV0" }, "HS256"))] });
  await assert.rejects(wrong({ audience: "a", jwks_file: "keys.json" }, { "keys.json": shared }), /private or symmetric key/);
  await assert.rejects(wrong({ audience: "a", jwks_file: "keys.json" }, { "keys.json": "[]" }), /expected a key set/);
});
