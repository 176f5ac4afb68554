import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { compileCors } from "./cors-policy.ts";
import type { CorsConfig, PreflightQuestion } from "./cors-policy.ts";
import { compileOrigins } from "./origins.ts";

const base: CorsConfig = {
  allowed_origins: ["https://app.example.com"],
  allowed_methods: ["GET", "POST"],
  allowed_headers: ["Content-Type", "X-Token"],
  exposed_headers: [],
  allow_credentials: false,
};

function preflight(config: CorsConfig, question: Partial<PreflightQuestion> = {}): { fields: Record<string, string> | null; why: string } {
  let why = "";
  const fields = compileCors(config).preflight(
    { origin: "https://app.example.com", method: "POST", headers: [], ...question },
    (reason) => (why = reason),
  );
  return { fields: fields === null ? null : Object.fromEntries(fields), why };
}

test("a wildcard admits subdomains and nothing else", () => {
  const origins = compileOrigins(["https://*.example.org", "http://*.example.org:8080"]);
  for (const origin of [
    "https://a.example.org",
    "https://a.b-c.d_e.example.org",
    "http://a.example.org:8080",
    "https://xn--a.example.org",
  ]) {
    assert.equal(origins.lists(origin), true, origin);
  }
  for (const origin of [
    "https://example.org",
    "https://.example.org",
    "https://evil-example.org",
    "https://evilexample.org",
    "https://example.org.evil.com",
    "https://a.example.org.evil.com",
    "http://a.example.org",
    "https://a.example.org:8443",
    "https://a.example.org:443",
    "http://a.example.org:80800",
    "https://evil.com/.example.org",
    "https://evil.com#.example.org",
    "https://evil.com?.example.org",
    "https://evil.com:1.example.org",
    "https://user@a.example.org",
    "https://a..example.org",
    "https://A.example.org",
    "https://a.example.org/",
    "https://a.example.org\n",
    " https://a.example.org",
    "https://a.example.org https://b.test",
    "xhttps://a.example.org",
    "null",
    "*",
    "",
  ]) {
    assert.equal(origins.lists(origin), false, origin);
  }
});

test("exact origins are compared byte for byte, entries are brought into the serialised form", () => {
  const origins = compileOrigins(["HTTPS://App.Example.com:443/", "http://plain.test:80", "https://odd.test:80"]);
  for (const origin of ["https://app.example.com", "http://plain.test", "https://odd.test:80"])
    assert.equal(origins.lists(origin), true, origin);
  for (const origin of [
    "https://App.example.com",
    "https://app.example.com:443",
    "http://app.example.com",
    "https://app.example.com/",
    "http://plain.test:80",
    "null",
  ]) {
    assert.equal(origins.lists(origin), false, origin);
  }
  assert.equal(compileOrigins(["null"]).lists("null"), true);
  assert.equal(compileOrigins(["*"]).any, true);
  assert.equal(compileOrigins(["*"]).lists("*"), false);
});

test("whatever a wildcard admits parses to a host below the domain", () => {
  const piece = fc.constantFrom(
    "https://",
    "http://",
    "a",
    ".",
    "example.org",
    ".example.org",
    "evil.com",
    "/",
    "@",
    ":",
    "#",
    "?",
    "\\",
    "-",
    "%2e",
    "8",
  );
  const origins = compileOrigins(["https://*.example.org"]);
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const origin = `https://${pieces.join("")}.example.org`;
      if (!origins.lists(origin)) return;
      const url = new URL(origin);
      assert.ok(url.hostname.endsWith(".example.org"));
      assert.equal(url.origin, origin);
    }),
    { numRuns: 2000 },
  );
});

test("a preflight that is allowed", () => {
  assert.deepEqual(
    preflight({ ...base, max_age: 3_600_500, exposed_headers: ["X-Page"] }, { headers: ["content-type, x-TOKEN", ",X-Token"] }).fields,
    {
      "Access-Control-Allow-Origin": "https://app.example.com",
      "Access-Control-Allow-Methods": "GET, POST",
      "Access-Control-Allow-Headers": "Content-Type, X-Token",
      "Access-Control-Max-Age": "3600",
    },
  );
  assert.equal(preflight({ ...base, allow_credentials: true }).fields?.["Access-Control-Allow-Credentials"], "true");
  assert.equal(preflight({ ...base, max_age: 0 }).fields?.["Access-Control-Max-Age"], "0");
  assert.equal("Access-Control-Allow-Headers" in (preflight({ ...base, allowed_headers: [] }).fields ?? {}), false);
});

test("a preflight that is not allowed gets no fields", () => {
  assert.deepEqual(preflight(base, { origin: "https://evil.test" }), { fields: null, why: "the origin is not allowed" });
  for (const method of ["DELETE", "post", "", "POST, GET", "*"])
    assert.deepEqual(preflight(base, { method }), { fields: null, why: "the method is not allowed" }, method);
  for (const header of ["X-Other", "content-type, x-other", "x token", "*"])
    assert.deepEqual(preflight(base, { headers: [header] }), { fields: null, why: "a header is not allowed" }, header);
});

test("`*` among the origins turns credentials off, whatever the configuration says", () => {
  const config = { ...base, allowed_origins: ["https://app.example.com", "*"], allow_credentials: true };
  for (const origin of ["https://app.example.com", "https://other.test", "null"]) {
    assert.equal(preflight(config, { origin }).fields?.["Access-Control-Allow-Origin"], "*");
    assert.equal("Access-Control-Allow-Credentials" in (preflight(config, { origin }).fields ?? {}), false);
    assert.deepEqual(compileCors(config).actual(origin), [["Access-Control-Allow-Origin", "*"]]);
  }
  assert.equal(compileCors(config).variesByOrigin, false);
  assert.equal(compileCors(base).variesByOrigin, true);
});

test("`*` for methods and headers is sent as it is without credentials, and spelled out with them", () => {
  const config = { ...base, allowed_methods: ["*"], allowed_headers: ["*", "Authorization"] };
  const asked = { method: "PATCH", headers: ["x-one, x-two"] };
  assert.equal(preflight(config, asked).fields?.["Access-Control-Allow-Methods"], "*");
  assert.equal(preflight(config, asked).fields?.["Access-Control-Allow-Headers"], "*, Authorization");
  const credentialed = { ...config, allow_credentials: true };
  assert.equal(preflight(credentialed, asked).fields?.["Access-Control-Allow-Methods"], "PATCH");
  assert.equal(preflight(credentialed, asked).fields?.["Access-Control-Allow-Headers"], "x-one, x-two, Authorization");
  assert.equal(preflight(credentialed, { ...asked, headers: ["x\r\nevil: 1"] }).fields, null);
});

test("an actual answer", () => {
  const config = { ...base, allow_credentials: true, exposed_headers: ["X-Page", "X-Total"] };
  assert.deepEqual(compileCors(config).actual("https://app.example.com"), [
    ["Access-Control-Allow-Origin", "https://app.example.com"],
    ["Access-Control-Allow-Credentials", "true"],
    ["Access-Control-Expose-Headers", "X-Page, X-Total"],
  ]);
  assert.equal(compileCors(config).actual("https://evil.test"), null);
});

test("long lists take linear time", () => {
  const started = performance.now();
  preflight(base, { headers: [`${" ".repeat(100_000)}x${" ".repeat(100_000)}y`, ",".repeat(100_000)] });
  compileOrigins(["https://*.example.org"]).lists(`https://${"a.".repeat(100_000)}example.org!`);
  assert.ok(performance.now() - started < 1000);
});
