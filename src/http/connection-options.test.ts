import { test } from "node:test";
import assert from "node:assert/strict";
import { addFields } from "./build-head.ts";
import { connectionOptions } from "./connection-options.ts";
import { FieldSection } from "./field-section.ts";

function options(...values: readonly string[]): ReturnType<typeof connectionOptions> {
  const section = new FieldSection();
  addFields(section, [["X-A", "x"], ...values.map((value) => ["Connection", value] as const)]);
  return connectionOptions(section);
}

const NONE = { close: false, keepAlive: false, upgrade: false, te: false, named: [], namesNeeded: false };

test("without a Connection field there are no options", () => {
  assert.deepEqual(options(), NONE);
});

test("the options are read in any case, in lists and on several lines (RFC 9110 sections 5.3 and 7.6.1)", () => {
  for (const value of ["close", "Close", "CLOSE", " close", "close\t", ", close,,"])
    assert.deepEqual(options(value), { ...NONE, close: true }, value);
  for (const value of ["keep-alive", "Keep-Alive", "KEEP-ALIVE"]) assert.deepEqual(options(value), { ...NONE, keepAlive: true }, value);
  assert.deepEqual(options("Upgrade"), { ...NONE, upgrade: true });
  assert.deepEqual(options("TE"), { ...NONE, te: true });
  assert.deepEqual(options("keep-alive , Upgrade"), { ...NONE, keepAlive: true, upgrade: true });
  assert.deepEqual(options("keep-alive", "close"), { ...NONE, keepAlive: true, close: true });
  assert.deepEqual(options("", "close"), { ...NONE, close: true });
});

test("other options are names of fields not to forward, in lower case", () => {
  assert.deepEqual(options("close, X-Hop").named, ["x-hop"]);
  assert.deepEqual(options("cOnNeCtIoN, x-HOP \t,\ty").named, ["connection", "x-hop", "y"]);
  assert.deepEqual(options("X-A", "x-b").named, ["x-a", "x-b"]);
  assert.deepEqual(options("X-A, x-a", "X-a").named, ["x-a"]);
});

test("an option that only looks like close is a field name", () => {
  for (const value of ["closed", "close;x", "xclose", '"close"']) assert.equal(options(value).close, false, value);
});

test("fields that all recipients need are never removed, and it is reported that Connection named one", () => {
  const needed =
    "Host, Content-Length, CONTENT-TYPE, Content-Encoding, Content-Range, Transfer-Encoding, Expect, Max-Forwards, Authorization, X-API-Key, Cookie, Set-Cookie, Origin, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port, X-Forwarded-Prefix, X-Forwarded-Method, X-Forwarded-Uri, X-Original-URL, X-Rewrite-URL, X-Real-IP, Forwarded, Via, Date, Cache-Control";
  for (const name of needed.split(", ")) {
    assert.deepEqual(options(name), { ...NONE, namesNeeded: true }, name);
    assert.deepEqual(
      options(`close, \t${name.toLowerCase()} ,x-mine`),
      { ...NONE, close: true, named: ["x-mine"], namesNeeded: true },
      name,
    );
    assert.equal(options("keep-alive", name).namesNeeded, true, name);
    assert.equal(options(`x${name}`).namesNeeded, false, name);
  }
});

test("a long list is read in one pass", () => {
  assert.equal(options(" ,\t".repeat(200_000) + "close").close, true);
});
