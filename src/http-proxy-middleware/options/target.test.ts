import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyTarget } from "./options.ts";
import { pathToSend, readTarget } from "./target.ts";

for (const [given, origin, authority, path] of [
  ["http://a.test", "http://a.test", "a.test", ""],
  ["HTTP://A.test:80/api/", "http://a.test", "a.test", "/api/"],
  ["wss://a.test:8443/x?y=1#z", "https://a.test:8443", "a.test:8443", "/x?y=1"],
  ["http://user:secret@[::1]:3000", "http://[::1]:3000", "[::1]:3000", ""],
  [new URL("https://a.test/api"), "https://a.test", "a.test", "/api"],
  [{ protocol: "https:", host: "a.test", port: 8443 }, "https://a.test:8443", "a.test:8443", ""],
  [{ protocol: "https", host: "a.test", port: "8080" }, "http://a.test:8080", "a.test:8080", ""],
  [{ host: "::1", port: 3000, path: "/x" }, "http://[::1]:3000", "[::1]:3000", "/x"],
  [
    { protocol: "http:", host: "a.test:3000", hostname: "a.test", port: "3000", pathname: "/a", search: "?b", href: "http://no.test" },
    "http://a.test:3000",
    "a.test:3000",
    "/a?b",
  ],
  [{ href: "http://a.test/x" }, "http://a.test", "a.test", "/x"],
] as readonly (readonly [ProxyTarget, string, string, string])[]) {
  test(`target ${typeof given === "string" ? given : JSON.stringify(given)}`, () => {
    const target = readTarget(given);
    assert.deepEqual([target.origin, target.authority, target.path], [origin, authority, path]);
    assert.doesNotMatch(target.url.href, /secret/);
  });
}

test("a target that cannot be used is refused, without its password", () => {
  for (const given of ["localhost:3000", "/api", "", "ftp://user:secret@a.test", { port: 3000 }])
    assert.throws(
      () => readTarget(given),
      (error) => error instanceof TypeError && error.message.startsWith("target: ") && !error.message.includes("secret"),
    );
  const parts: ProxyTarget = Object.assign({ host: "a.test" }, { socketPath: "/run/app.sock" });
  assert.throws(() => readTarget(parts), { message: "target.socketPath: targets on Unix sockets are not supported yet" });
});

for (const [target, url, options, path] of [
  ["http://a.test", "/x?y", {}, "/x?y"],
  ["http://a.test/api", "/x", {}, "/api/x"],
  ["http://a.test/api/", "/x", {}, "/api/x"],
  ["http://a.test/api", "/x", { prependPath: false }, "/x"],
  ["http://a.test/api?k=1", "/x?y", { ignorePath: true }, "/api?k=1"],
  ["http://a.test", "/x", { ignorePath: true }, "/"],
  ["http://a.test", "//evil.test/x", {}, "//evil.test/x"],
  ["http://a.test", "http://evil.test/x#y", {}, "/x"],
  ["http://a.test", "x", {}, "/x"],
  ["http://a.test", "/a b\r\nX: y\xc3\xa9/文", {}, "/a%20b%0D%0AX:%20y%C3%A9/%E6%96%87"],
] as const) {
  test(`${JSON.stringify(url)} is sent to ${target} as ${path} with ${JSON.stringify(options)}`, () =>
    assert.equal(pathToSend(readTarget(target), url, options), path));
}
