/** Which hosts requests may name on a connection. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ServerContexts } from "./server-contexts.ts";
import { ruleFor, served, settings } from "./tls-listener.fixture.ts";

const clients = ruleFor("required");
const contexts = new ServerContexts(
  settings([
    await served(["open.test", "other.test"]),
    await served(["closed.test"], { clients }),
    await served(["*.closed.test"], { clients }),
    await served(["::1", "127.0.0.1"], { clients }),
    await served(["*.second.test"]),
  ]),
  ":443",
);

function admits(serverName: string, host: string): boolean {
  const found = contexts.forName(serverName);
  assert.ok(found !== null);
  return contexts.admits(found.set, host);
}

describe("on a connection", () => {
  test("hosts of its certificate are admitted, and those of no certificate where the first one's rule is the same", () => {
    for (const host of ["open.test", "other.test", "unknown.test", "", "[::2]", "closed.test.unknown.test"]) {
      assert.equal(admits("open.test", host), true, host);
      assert.equal(admits("closed.test", host), false, host);
    }
    assert.equal(admits("a.second.test", "unknown.test"), true);
    assert.equal(admits("a.second.test", "b.second.test"), true);
    assert.equal(admits("a.second.test", "open.test"), false);
  });

  test("hosts that are further below a wildcard are under its rule, as they are in routes", () => {
    for (const host of ["a.b.closed.test", "a.b.c.closed.test", ".closed.test", `${"a.".repeat(4000)}closed.test`]) {
      assert.equal(admits("open.test", host), false, host);
      assert.equal(admits("a.closed.test", host), true, host);
    }
    assert.equal(admits("open.test", "a.b.second.test"), true);
  });

  test("IPv6 addresses are those of certificates, however they are written", () => {
    for (const host of ["[::1]", "[0:0:0:0:0:0:0:1]", "[0::0001]", "127.0.0.1"]) assert.equal(admits("open.test", host), false, host);
  });
});
