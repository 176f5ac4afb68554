import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readObject } from "../document/read-object.ts";
import { checkConfig } from "../load.ts";
import type { Config } from "../schema/schema.ts";

const OIDC = { issuer: "https://id.example", client_id: "app", session: { keys: ["0123456789abcdef0123456789abcdef"] } };
const login = (oidc: object = {}): object => ({ oidc: { ...OIDC, ...oidc } });
const PATHS = { redirect_path: "/b/in", login_path: "/b/login", logout_path: "/b/out", back_channel_logout_path: "/b/told" };

function checked(...routes: readonly object[]): ReturnType<typeof checkConfig> {
  const upstreams = { app: { endpoints: ["http://127.0.0.1:1"] } };
  const file = { listeners: [{ address: ":0" }], upstreams, routes: routes.map((route) => ({ upstream: "app", ...route })) };
  return checkConfig(
    readObject(file, () => true),
    "config",
    {},
    () => "",
  );
}

function problems(...routes: readonly object[]): string[] {
  const result = checked(...routes);
  return "problems" in result ? result.problems.map(({ key, message }) => `${key}: ${message}`) : [];
}

function config(...routes: readonly object[]): Config {
  const result = checked(...routes);
  assert.ok("config" in result, JSON.stringify(result));
  return result.config;
}

describe("the paths of a login", () => {
  const taken = ["/oauth2/callback", "/oauth2/login", "/oauth2/logout", "/oauth2/back-channel-logout"];

  test("are conditions of its route, on the hosts that it has", () => {
    const match = (given: unknown): unknown => config({ match: given, authentication: login() }).routes[0]?.match;
    assert.deepEqual(match({ path: "/app/*" }), [{ path: ["/app/*"] }, { path: taken }]);
    assert.deepEqual(match({ host: ["A.test", "b.test."], path: "/app/*" }), [
      { host: ["A.test", "b.test."], path: ["/app/*"] },
      { path: taken, host: ["a.test", "b.test"] },
    ]);
    assert.deepEqual(match([{ host: "a.test", methods: "GET" }, { path: "/x" }]), [
      { host: ["a.test"], methods: ["GET"] },
      { path: ["/x"] },
      { path: taken },
    ]);
  });

  test("are none where the route takes every path, or has no login", () => {
    assert.deepEqual(config({ match: { host: "a.test" }, authentication: login() }).routes[0]?.match, { host: ["a.test"] });
    assert.deepEqual(config({ match: {}, authentication: login() }).routes[0]?.match, {});
    assert.deepEqual(config({ match: { path: "/x" }, authentication: { tokens: ["t"] } }).routes[0]?.match, { path: ["/x"] });
  });

  test("are those of the route that refuses the fewest clients before, where several have the same login", () => {
    const admin = { match: { path: "/admin/*" }, access: { allow: ["10.0.0.0/8"] }, authentication: { ...login(), tokens: ["t"] } };
    const users = { match: { path: "/app/*" }, authentication: login() };
    const matches = (...routes: readonly object[]): unknown[] => config(...routes).routes.map(({ match }) => match);
    assert.deepEqual(matches(admin, users), [{ path: ["/admin/*"] }, [{ path: ["/app/*"] }, { path: taken }]]);
    assert.deepEqual(matches(admin), [[{ path: ["/admin/*"] }, { path: taken }]]);
    assert.deepEqual(matches(admin, { authentication: login() }), [{ path: ["/admin/*"] }, {}]);
    // Another host, or another login, takes nothing off it.
    const elsewhere = { ...users, match: { host: "b.test", path: "/app/*" } };
    assert.deepEqual(matches(admin, elsewhere)[0], [{ path: ["/admin/*"] }, { path: taken }]);
    assert.deepEqual(matches(admin, { ...users, authentication: login({ client_id: "b", ...PATHS }) })[0], [
      { path: ["/admin/*"] },
      { path: taken },
    ]);
    assert.equal(problems(admin, { match: { path: "/oauth2/*" } }, users).length, 4);
  });

  test("must not be taken by a route before", () => {
    const guarded = { match: { path: "/app/*" }, authentication: login() };
    assert.deepEqual(problems({ name: "mine", match: { path: "/oauth2/callback" } }, guarded), [
      "routes.#2.authentication.oidc.redirect_path: route mine stands before this one and takes /oauth2/callback: put this route first, or choose another path",
    ]);
    assert.equal(problems({ match: { path: "/*", methods: "GET" } }, guarded).length, 2);
    assert.equal(problems({ match: { path: "/oauth2/*", methods: "POST" } }, guarded).length, 2);
    assert.deepEqual(problems({ match: { path: "/oauth2/*", host: "other.test" } }, guarded), []);
    assert.deepEqual(problems(guarded, { match: { path: "/oauth2/*" } }), []);
    // The same login before it does as well.
    assert.deepEqual(problems({ match: { path: ["/x/*", "/oauth2/*"] }, authentication: login() }, guarded), []);
  });
});

describe("two logins", () => {
  const two = (first: object, second: object, hosts: readonly string[] = ["a.test", "a.test"]): string[] =>
    problems(
      { match: { host: hosts[0], path: "/a/*" }, authentication: first },
      { match: { host: hosts[1], path: "/b/*" }, authentication: second },
    );

  test("of one client are the same, but for claims", () => {
    assert.deepEqual(two(login(), login()), []);
    assert.deepEqual(two(login(), login({ claims: { user: "email" } })), []);
    const [found = "", ...more] = two(login(), login({ scopes: ["email"] }));
    assert.deepEqual(more, []);
    assert.match(
      found,
      /^routes\.#2\.authentication\.oidc: route #1 has another one on the same host: it is the same client: .*; these are not: scopes \(/,
    );
  });

  test("of different clients have different paths, where they share a host", () => {
    assert.match(two(login(), login({ client_id: "b" }))[0] ?? "", /it is another client, and both have the path \/oauth2\/callback: /);
    assert.deepEqual(two(login(), login({ client_id: "b", ...PATHS })), []);
    assert.deepEqual(two(login(), login({ client_id: "b" }), ["a.test", "b.test"]), []);
    assert.equal(two(login(), login({ client_id: "b" }), ["*.test", "b.test"]).length, 1);
    assert.equal(two(login(), login({ client_id: "b" }), ["*", "b.test"]).length, 1);
  });
});

test("settings of a login that cannot work are named", () => {
  const messages = (oidc: object): string[] => problems({ authentication: login(oidc) });
  const one = (oidc: object, wanted: RegExp): void => {
    const found = messages(oidc);
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0] ?? "", wanted);
    assert.doesNotMatch(found[0] ?? "", /short secret/);
  };
  one({ issuer: "http://id.example" }, /oidc\.issuer: expected an https URL/);
  one({ issuer: "https://id.example/?tenant=1" }, /oidc\.issuer: expected an https URL without query/);
  one({ session: { keys: ["short secret"] } }, /session\.keys\.#1: expected at least 32 characters: `openssl rand -base64 32`/);
  one({ session: { keys: [] } }, /session\.keys: expected at least one key/);
  one({ session: {} }, /session\.keys/);
  one({ redirect_path: "/oauth2/logout" }, /logout_path: it is the path of redirect_path already/);
  one({ post_logout_path: "/oauth2/logout" }, /post_logout_path: it is the path of logout_path already/);
  one({ parameters: { state: "x" } }, /parameters.*: the login sets state itself/);
  for (const redirect_path of ["callback", "//x", "/a/../b", "/a?b", "/a/*", "/\\x", "https://evil.example/"])
    one({ redirect_path }, /redirect_path: expected a path such as/);
  one({ scopes: ["a b"] }, /scopes\.#1: expected a scope/);
  one({ algorithm: "HS256" }, /algorithm/);
  one({ cookie_secret: "short secret" }, /cookie_secret/);
  const forward = { url: "http://127.0.0.1:9000/verify" };
  assert.match(problems({ authentication: { ...login(), forward } }).join("\n"), /a route has one of them/);
});
