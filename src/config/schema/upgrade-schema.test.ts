import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf, full, problemsOf, warningsOf } from "../load.fixture.ts";

const upgradeOf = (value: string): readonly string[] | undefined => configOf(full({ route: `upgrade: ${value}` })).routes[0]?.upgrade;

test("protocols are taken without case; none is a choice too", () => {
  assert.deepEqual(upgradeOf("[WebSocket, tcp, SPDY/3.1]"), ["websocket", "tcp", "spdy/3.1"]);
  assert.deepEqual(upgradeOf("[]"), []);
  assert.equal(configOf(full({})).routes[0]?.upgrade, undefined);
});

test("what carries HTTP is refused with the reason, and so is what is no protocol", () => {
  for (const name of ["h2c", "H2C", "h2", "HTTP/1.1", "http/2.0", "TLS/1.2", "h3"]) {
    const [problem = ""] = problemsOf(full({ route: `upgrade: [websocket, ${name}]` }));
    assert.match(problem, /upgrade\.#2: \S+ is not taken up: it would lead HTTP past the proxy/, name);
  }
  for (const value of ["[ws]", "[wss]", "[websockets]"]) {
    assert.match(problemsOf(full({ route: `upgrade: ${value}` })).join(), /upgrade\.#1: expected websocket, which is the name/, value);
  }
  for (const value of ['["tcp, h2c"]', '["a b"]', '[""]', "[a/b/c]", "websocket", "true", '["tcp\\r\\nX: 1"]']) {
    assert.match(problemsOf(full({ route: `upgrade: ${value}` })).join(), /upgrade(\.#1)?: expected (a protocol|a list)/, value);
  }
});

test("a route that answers by itself switches to nothing", () => {
  const text = full({}).replace("upstream: app", "upstream: app }, { match: { path: /x }, respond: { status: 200 }, upgrade: [tcp]");
  assert.match(warningsOf(text).join(), /upgrade: the route answers by itself/);
});
