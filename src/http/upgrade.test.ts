import assert from "node:assert/strict";
import { test } from "node:test";
import { buildRequestHead } from "./build-head.ts";
import { connectionOptions } from "./connection-options.ts";
import { admittedProtocols, askedProtocols, isProtocol } from "./upgrade.ts";

function asked(
  upgrade: readonly string[],
  parts: { method?: string; version?: "1.0" | "1.1"; connection?: string; key?: boolean } = {},
): string {
  const { method = "GET", version = "1.1", connection = "Upgrade", key = true } = parts;
  const head = buildRequestHead({ method, target: "/", authority: "a.test", version }, [
    ["Connection", connection],
    ...upgrade.map((value) => ["Upgrade", value] as const),
    ...(key ? [["Sec-WebSocket-Key", "x"] as const] : []),
  ]);
  return askedProtocols(head, connectionOptions(head));
}

test("the protocols of one field or of several, in their order", () => {
  assert.equal(asked(["websocket"]), "websocket");
  assert.equal(asked(["WebSocket"]), "websocket");
  assert.equal(asked(["tcp, SPDY/3.1 ,\twebsocket"]), "tcp, SPDY/3.1, websocket");
  assert.equal(asked(["tcp", "spdy/3.1"]), "tcp, spdy/3.1");
  assert.equal(asked(["tcp"], { method: "POST" }), "tcp");
  assert.equal(asked(["websocket, WebSocket", "tcp, TCP, websocket"]), "websocket, TCP");
});

test("what is no protocol is left out", () => {
  for (const value of ["", ",", "a b", "tcp/1/2", "/1", "tcp/", '"tcp"', "tcp;q=1", "t\u00fcp"]) assert.equal(asked([value]), "", value);
  assert.equal(asked([", tcp,, a b"]), "tcp");
});

test("websocket needs a handshake; nothing is asked for without the connection option, or by HTTP/1.0", () => {
  assert.equal(asked(["websocket, tcp"], { method: "POST" }), "tcp");
  assert.equal(asked(["websocket"], { key: false }), "");
  assert.equal(asked(["websocket"], { connection: "keep-alive" }), "");
  assert.equal(asked(["websocket"], { version: "1.0" }), "");
  assert.equal(asked(["tcp"], { connection: "X-Upgrade" }), "");
});

test("of these, a route admits those that it names, whatever their case", () => {
  assert.equal(admittedProtocols("websocket", ["websocket"]), "websocket");
  assert.equal(admittedProtocols("websocket", ["tcp"]), "");
  assert.equal(admittedProtocols("SPDY/3.1, h2c, TCP", ["tcp", "spdy/3.1"]), "SPDY/3.1, TCP");
  assert.equal(admittedProtocols("spdy/3", ["spdy/3.1", "spdy"]), "");
  assert.equal(admittedProtocols("h2c", ["websocket"]), "");
  assert.equal(admittedProtocols("tcp", []), "");
});

test("a protocol is a name with or without a version", () => {
  for (const name of ["tcp", "spdy/3.1", "IRC/6.9", "x-y"]) assert.ok(isProtocol(name), name);
  for (const name of ["", "a/", "/1", "a/b/c", "a b", "a\r\n", "a,b"]) assert.ok(!isProtocol(name), name);
});
