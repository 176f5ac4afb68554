import assert from "node:assert/strict";
import { test } from "node:test";
import { checkOptions } from "./check-options.ts";

const target = "http://a.test";

for (const [given, message] of [
  [{ target, chageOrigin: true }, 'unknown option "chageOrigin"; did you mean "changeOrigin"?'],
  [{ target, zzz: 1 }, 'unknown option "zzz"'],
  [{ target, on: { proxyReqs: () => {} } }, 'unknown event "proxyReqs" in on; did you mean "proxyReq"?'],
  [{ target, on: { error: 1 } }, "on.error: expected a function"],
  [{ target, onProxyReq: () => {} }, "onProxyReq: this is the spelling of version 2: write on: { proxyReq }"],
  [{}, 'expected target: createProxyMiddleware({ target: "http://127.0.0.1:3000" })'],
  [{ target, router: "http://b.test" }, "router: expected an object of hosts or paths and targets, or a function"],
  [{ target, logger: { info: () => {}, error: () => {} } }, "logger: expected an object with the functions info, warn and error"],
  [{ target, proxyTimeout: "5s" }, "proxyTimeout: expected a number of milliseconds"],
  [{ target, headers: ["a"] }, "headers: expected an object of names and values"],
  [{ target, plugins: {} }, "plugins: expected a list of functions"],
] as const) {
  test(message, () => assert.throws(() => checkOptions(given), { name: "TypeError", message }));
}

test("what cannot be had is refused with a reason, unless it is switched off", () => {
  for (const name of ["followRedirects", "toProxy", "agent"]) {
    assert.throws(() => checkOptions({ target, [name]: true }), { name: "TypeError", message: new RegExp(`^${name}: .{20,}`) });
    checkOptions({ target, [name]: false });
  }
  for (const name of ["forward", "buffer", "localAddress", "ssl", "ca"])
    assert.throws(() => checkOptions({ target, [name]: {} }), { name: "TypeError", message: new RegExp(`^${name}: .{20,}`) });
});

test("what is undefined counts as absent, and options of another realm as options", () => {
  checkOptions({ target, chageOrigin: undefined, on: undefined });
  checkOptions(Object.assign(Object.create(null), { target }));
});
