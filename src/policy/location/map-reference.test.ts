import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mapReference } from "./map-reference.ts";
import type { Site } from "./map-reference.ts";
import { parseReference } from "./reference.ts";

const SITE: Site = {
  scheme: "http",
  own: ["127.0.0.1:17001"],
  client: { scheme: "https", authority: "shop.example:8443" },
  clientPath: (path) => path,
  rules: [],
};
const BELOW: Site = { ...SITE, clientPath: (path) => `/api${path}` };

function mapped(site: Site, cases: readonly (readonly [from: string, to: string])[]): void {
  for (const [from, to] of cases) assert.equal(mapReference(from, site), to, from);
}

test("the origin's own address becomes the client's", () => {
  mapped(SITE, [
    ["http://127.0.0.1:17001/login?a=1#b", "https://shop.example:8443/login?a=1#b"],
    ["HTTP://127.0.0.1:17001/Login", "https://shop.example:8443/Login"],
    ["http://127.0.0.1:17001", "https://shop.example:8443"],
    ["http://127.0.0.1:17001?a", "https://shop.example:8443?a"],
    ["//127.0.0.1:17001/login", "//shop.example:8443/login"],
    ["http://user:pass@127.0.0.1:17001/", "https://shop.example:8443/"],
    ["http://127.0.0.1:017001/", "https://shop.example:8443/"],
    ["http://127.0.0.1:17001//evil.test/", "https://shop.example:8443//evil.test/"],
  ]);
  const named: Site = { ...SITE, own: ["app.internal", "[2001:db8::1]"] };
  mapped(named, [
    ["http://APP.internal:80/", "https://shop.example:8443/"],
    ["http://app.internal:/", "https://shop.example:8443/"],
    ["http://app.internal:8080/", "http://app.internal:8080/"],
    ["http://[2001:DB8:0::1]/x", "https://shop.example:8443/x"],
    ["//app.internal:80/x", "//shop.example:8443/x"],
  ]);
});

test("everything else stays as it is", () => {
  for (const text of [
    "",
    "/",
    "/login",
    "login",
    "?a=1",
    "#a",
    "https://127.0.0.1:17001/",
    "http://127.0.0.1:17002/",
    "http://127.0.0.1:17001.evil.test/",
    "http://127.0.0.1:17001@evil.test/",
    "http://evil.test/http://127.0.0.1:17001/",
    "http:/127.0.0.1:17001/",
    "http:127.0.0.1:17001",
    "http:\\\\127.0.0.1:17001/",
    "http://127.0.0.1:17001\\@evil.test/",
    "/\\127.0.0.1:17001/",
    "///127.0.0.1:17001/",
    "ftp://127.0.0.1:17001/",
    "javascript://127.0.0.1:17001/%0aalert(1)",
    "http://127.0.0.1:170010000/",
    "http://[::1/",
    " http://127.0.0.1:17001/",
    "https://shop.example:8443/x",
  ]) {
    assert.equal(mapReference(text, SITE), text, text);
  }
});

test("paths of the site get their prefix back, those of other sites do not", () => {
  mapped(BELOW, [
    ["/login?a=/b", "/api/login?a=/b"],
    ["/", "/api/"],
    ["http://127.0.0.1:17001/login", "https://shop.example:8443/api/login"],
    ["http://127.0.0.1:17001", "https://shop.example:8443/api/"],
    ["http://127.0.0.1:17001?a#b", "https://shop.example:8443/api/?a#b"],
    ["http://shop.example:8443/login", "http://shop.example:8443/api/login"],
    ["https://SHOP.example:8443/login", "https://SHOP.example:8443/api/login"],
    ["//shop.example:8443/login", "//shop.example:8443/api/login"],
    ["https://other.example/login", "https://other.example/login"],
    ["//other.example/login", "//other.example/login"],
    ["login", "login"],
    ["?a", "?a"],
  ]);
});

test("a client that named no host gets a path, never a host of the origin's choice", () => {
  const site: Site = { ...SITE, client: { scheme: "http", authority: "" } };
  mapped(site, [
    ["http://127.0.0.1:17001/login", "/login"],
    ["http://127.0.0.1:17001", "/"],
    ["http://127.0.0.1:17001?a", "/?a"],
    ["http://127.0.0.1:17001//evil.test", "/evil.test"],
    ["//127.0.0.1:17001/login", "/login"],
  ]);
});

test("the first entry that fits counts, by whole segments", () => {
  const rule = (from: string, to: string): Site["rules"][number] => {
    const reference = parseReference(from);
    assert.ok(reference !== null);
    return { from: reference, to: () => to };
  };
  const rules = [
    rule("http://127.0.0.1:17001/app", "https://shop.example/store"),
    rule("//old.example/", "https://new.example/"),
    rule("/legacy", "/now"),
    rule("http://a.example:80", "/a"),
  ];
  mapped({ ...BELOW, rules }, [
    ["http://127.0.0.1:17001/app/x?y", "https://shop.example/store/x?y"],
    ["http://127.0.0.1:17001/app", "https://shop.example/store"],
    ["http://127.0.0.1:17001/app?y", "https://shop.example/store?y"],
    ["http://127.0.0.1:17001/apple", "https://shop.example:8443/api/apple"],
    ["https://OLD.example/x", "https://new.example/x"],
    ["https://old.example:8443/x", "https://old.example:8443/x"],
    ["//old.example/x", "https://new.example/x"],
    ["/legacy/x", "/now/x"],
    ["http://127.0.0.1:17001/legacy", "/now"],
    ["http://other.example/legacy", "http://other.example/legacy"],
    ["http://A.example/x", "/a/x"],
    ["https://a.example/x", "https://a.example/x"],
  ]);
});

test("no reference to another host is changed, and no mapped one leads to another host than the client's", () => {
  const part = fc.constantFrom(
    "http:",
    "https:",
    "//",
    "/",
    "\\",
    "127.0.0.1:17001",
    "evil.test",
    "@",
    ":80",
    "?",
    "#",
    "user",
    "..",
    "",
    ".",
    "%2f",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), fc.constantFrom(SITE, BELOW), (parts, site) => {
      const text = parts.join("");
      const result = mapReference(text, site);
      const resolve = (reference: string): URL | null =>
        URL.canParse(reference, "http://127.0.0.1:17001/a/b") ? new URL(reference, "http://127.0.0.1:17001/a/b") : null;
      const [before, after] = [resolve(text), resolve(result)];
      if (before === null) return assert.equal(result, text);
      if (before.origin !== "http://127.0.0.1:17001") return assert.equal(result, text);
      assert.ok(
        after !== null && ["http://127.0.0.1:17001", "https://shop.example:8443", "http://shop.example:8443"].includes(after.origin),
        `${text} ${result}`,
      );
    }),
    { numRuns: 3000 },
  );
});
