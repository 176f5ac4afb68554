import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Known, bit, knownField } from "./known-fields.ts";

/** The known fields with their names in HTTP. Some ids are not names, and some fields share an id. */
const NAMES: Readonly<Record<Exclude<keyof typeof Known, "none" | "unsafeName" | "respelled" | "foldedName">, string>> = {
  host: "Host",
  connection: "Connection",
  contentLength: "Content-Length",
  transferEncoding: "Transfer-Encoding",
  keepAlive: "Keep-Alive",
  te: "TE",
  trailer: "Trailer",
  upgrade: "Upgrade",
  hopByHop: "Proxy-Connection",
  expect: "Expect",
  via: "Via",
  forwarded: "Forwarded",
  xForwardedFor: "X-Forwarded-For",
  xForwardedProto: "X-Forwarded-Proto",
  xForwardedHost: "X-Forwarded-Host",
  maxForwards: "Max-Forwards",
  proxy: "Proxy",
  range: "Range",
  date: "Date",
  origin: "Origin",
  authorization: "Authorization",
  accept: "Accept",
  aboutClient: "X-Real-IP",
  forwardedPath: "X-Forwarded-Prefix",
  accessControl: "Access-Control-Allow-Origin",
  vary: "Vary",
  verified: "Client-Cert",
};
const TCHARS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

const idOf = (name: string): number => knownField(Buffer.from(`>${name}<`), 1, 1 + name.length);
const keys = Object.keys(NAMES) as (keyof typeof NAMES)[];

test("every known field is recognised in any case", () => {
  for (const key of keys) {
    const name = NAMES[key];
    const alternating = [...name].map((character, index) => (index % 2 === 0 ? character.toLowerCase() : character.toUpperCase())).join("");
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase(), alternating]) assert.equal(idOf(spelling), Known[key], spelling);
  }
});

test("fields that are treated alike share an id", () => {
  for (const name of ["HTTP2-Settings", "proxy-authorization", "Proxy-Authenticate"]) assert.equal(idOf(name), Known.hopByHop, name);
  for (const name of ["Client-Cert-Chain", "X-Forwarded-Client-Cert"]) assert.equal(idOf(name), Known.verified, name);
  assert.equal(idOf("x-forwarded-port"), Known.aboutClient);
  for (const name of ["X-Forwarded-Method", "x-forwarded-uri", "X-Original-URL", "X-ReWrite-Url"])
    assert.equal(idOf(name), Known.forwardedPath, name);
});

test("ids are distinct and fit into the bits of a small integer", () => {
  const ids = Object.values(Known);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.ok(id >= 0 && id <= 30);
  assert.equal(new Set(ids.map(bit)).size, ids.length);
  for (const id of ids) assert.ok(bit(id) > 0);
});

test("a name one character off, by any tchar in any place, is not that field", () => {
  const known = new Map(keys.map((key) => [NAMES[key].toLowerCase(), Known[key] as number]));
  for (const name of known.keys()) {
    for (let at = 0; at < name.length; at++) {
      for (const character of TCHARS) {
        const other = name.slice(0, at) + character + name.slice(at + 1);
        assert.equal(idOf(other), known.get(other.toLowerCase()) ?? Known.none, other);
      }
      assert.equal(idOf(name.slice(0, at) + name.slice(at + 1)), known.get(name.slice(0, at) + name.slice(at + 1)) ?? Known.none);
    }
    for (const character of TCHARS) assert.equal(idOf(name + character), known.get((name + character).toLowerCase()) ?? Known.none);
  }
});

test("only the given bytes are read, and any length is accepted", () => {
  assert.equal(knownField(Buffer.from("xHosty"), 1, 5), Known.host);
  assert.equal(knownField(Buffer.from("Host"), 0, 3), Known.none);
  assert.equal(idOf(""), Known.none);
  assert.equal(idOf("x".repeat(5000)), Known.none);
});
