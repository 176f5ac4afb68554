import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { untoldIdentity } from "./untold-identity.ts";

const ASKING = { listeners: [{ tls: { client_certificates: { ca_file: "ca.pem" } } }] };
const places = (route: object, file: unknown = ASKING): string[] =>
  untoldIdentity(route, 0, file).map(({ path }) => path.slice(2).join("."));

test("what require asks for and no method of the route tells", () => {
  const require = { roles: ["admin"], scopes: ["read"], claims: { tenant: "acme" } };
  for (const [authentication, untold] of [
    [{ tokens: ["secret"] }, ["roles", "scopes", "claims"]],
    [{ certificate: {} }, ["roles", "scopes", "claims"]],
    [{ basic: { users_file: "users" } }, ["roles", "scopes", "claims"]],
    [{ basic: { users_file: "users", groups_file: "groups" } }, ["scopes", "claims"]],
    [{ forward: { url: "http://127.0.0.1/", user: "X-User" } }, ["roles", "scopes", "claims"]],
    [{ forward: { url: "http://127.0.0.1/", roles: "X-Roles" } }, ["scopes", "claims"]],
    [{ api_keys: { file: "keys.yaml" } }, ["claims"]],
    [{ tokens: ["secret"], jwt: {} }, []],
    [{ oidc: {} }, []],
  ] as const)
    assert.deepEqual(
      places({ authentication, require }),
      untold.map((key) => `require.${key}`),
      JSON.stringify(authentication),
    );
  assert.match(
    untoldIdentity({ authentication: { tokens: ["secret"] }, require }, 0, {})[0]?.message ?? "",
    /^nobody has any, so everybody gets 403: none of this route's methods \(tokens\) tells roles of a client; api_keys, jwt/,
  );
});

test("limits by what no method of the route tells", () => {
  const limits = [{ key: "user" }, { key: ["path", "api_key"] }, { key: "client_ip" }];
  assert.deepEqual(places({ authentication: { tokens: ["secret"] }, rate_limit: limits }), ["rate_limit.0.key", "rate_limit.1.key"]);
  assert.deepEqual(places({ authentication: { jwt: {} }, rate_limit: limits }), ["rate_limit.1.key"]);
  assert.deepEqual(places({ authentication: { tokens: ["secret"], api_keys: {} }, rate_limit: limits }), []);
  assert.deepEqual(places({ authentication: { tokens: ["secret"] }, rate_limit: { key: "user" } }), ["rate_limit.key"]);
});

test("certificates that no listener asks for", () => {
  const route = { authentication: { certificate: {} } };
  assert.deepEqual(places(route), []);
  assert.deepEqual(places(route, { listeners: [{ address: ":8080" }] }), []);
  assert.deepEqual(places(route, { listeners: [{ address: ":8080" }, { tls: {} }] }), ["authentication.certificate"]);
});

test("nothing about routes without authentication, and nothing fails whatever the file holds", () => {
  assert.deepEqual(places({ require: { roles: ["admin"] }, rate_limit: { key: "user" } }), []);
  fc.assert(
    fc.property(fc.anything(), fc.anything(), (value, other) => {
      untoldIdentity({ authentication: value, require: other, rate_limit: other }, 0, value);
      untoldIdentity({ authentication: { tokens: value, basic: other }, require: value, rate_limit: value }, 0, other);
    }),
  );
});
