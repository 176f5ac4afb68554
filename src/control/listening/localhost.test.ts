import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { listenMessage } from "./listen-check.ts";
import { isLocalhost } from "../../base/listen-address.ts";
import { onLocalhost } from "./localhost.ts";

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1"));

async function open(host: string, port: number): Promise<net.Server> {
  const server = net.createServer().listen({ host, port, exclusive: true });
  await once(server, "listening");
  return server;
}

function addressOf(server: net.Server | undefined): net.AddressInfo {
  const bound = server?.address();
  assert.ok(typeof bound === "object" && bound !== null);
  return bound;
}

function closing(t: TestContext, servers: readonly net.Server[]): readonly net.Server[] {
  t.after(() => servers.forEach((server) => server.close()));
  return servers;
}

test("localhost is recognised in upper and lower case", () => {
  for (const host of ["localhost", "LocalHost"]) assert.ok(isLocalhost(host));
  for (const host of ["", "127.0.0.1", "localhost.test", "a.localhost"]) assert.ok(!isLocalhost(host));
});

test("both addresses get the same port, a free one or a given one", { skip: !hasIpv6 }, async (t) => {
  const free = closing(t, await onLocalhost(0, open)).map(addressOf);
  assert.deepEqual(
    free.map(({ address }) => address),
    ["127.0.0.1", "::1"],
  );
  assert.equal(free[0]?.port, free[1]?.port);
});

test("another free port is chosen when the first is free on only one of the addresses", { skip: !hasIpv6 }, async (t) => {
  // Open on both addresses, so that no other program has the port on the first.
  const [free, taken] = closing(t, await onLocalhost(0, open));
  assert.ok(free !== undefined && taken !== undefined);
  const { port } = addressOf(taken);
  const asked: number[] = [];
  // The system is made to offer the port that is taken on the other address first.
  const servers = await onLocalhost(0, async (host, wanted) => {
    asked.push(wanted);
    return asked.length === 1 ? free : open(host, wanted);
  });
  closing(t, servers);
  assert.equal(servers.length, 2);
  assert.notEqual(addressOf(servers[0]).port, port);
  assert.deepEqual(asked.slice(0, 3), [0, port, 0]);
});

test("a given port that is taken on one address counts as in use, and the other address is closed again", { skip: !hasIpv6 }, async (t) => {
  const [free, taken] = closing(t, await onLocalhost(0, open));
  assert.ok(free !== undefined);
  const { port } = addressOf(taken);
  const problem: unknown = await onLocalhost(port, async (host, wanted) => (host === "127.0.0.1" ? free : open(host, wanted))).then(
    () => null,
    (error: unknown) => error,
  );
  assert.equal(
    listenMessage({ kind: "tcp", host: "localhost", port }, problem),
    `cannot listen on localhost:${port}: [::1] is in use (EADDRINUSE), and localhost stands for both families`,
  );
  assert.ok(!free.listening);
});

test("a machine with one address family gets one server", async (t) => {
  for (const missing of ["127.0.0.1", "::1"]) {
    const given = hasIpv6 || missing === "::1" ? undefined : "127.0.0.1";
    const servers = await onLocalhost(0, (host, port) =>
      host === missing ? Promise.reject(Object.assign(new Error("none"), { code: "EADDRNOTAVAIL" })) : open(given ?? host, port),
    );
    closing(t, servers);
    assert.equal(servers.length, 1, missing);
  }
});
