import assert from "node:assert/strict";
import { test } from "node:test";
import { recipe, says } from "../support/recipe.ts";

const { start } = recipe("behind-a-load-balancer", {
  upstreams: { app: says("the application") },
  environment: { ADMIN_TOKEN: "t0k3n" },
});
const BALANCER = "10.0.3.4";

test("the client is whom the balancer names, in limits, logs and at the application", async (t) => {
  const proxy = await start(t);
  const ask = async (client: string): Promise<number> =>
    (await proxy.fetch("http://localhost:8080/", { from: BALANCER, headers: { "X-Forwarded-For": client, "X-Forwarded-Proto": "https" } }))
      .status;
  const statuses = [];
  for (let request = 0; request < 4; request++) statuses.push(await ask("198.51.100.1"));
  assert.deepEqual(statuses, [200, 200, 200, 429]);
  assert.equal(await ask("198.51.100.2"), 200);
  // What the client itself has written stands before the address that the balancer has appended.
  assert.equal(await ask("192.168.0.1, 198.51.100.1"), 429);
  assert.equal(proxy.log.find(({ event }) => event === "access")?.["client"], "198.51.100.1");
  assert.equal(proxy.requests("app")[0]?.headers.get("x-forwarded-proto"), "https");
});

test("nobody else is believed, and the log says who tried", async (t) => {
  const proxy = await start(t);
  await proxy.fetch("http://localhost:8080/", { from: "192.0.2.9", headers: { "X-Forwarded-For": "198.51.100.1" } });
  assert.equal(proxy.requests("app")[0]?.headers.get("x-forwarded-for"), "192.0.2.9");
  assert.equal(proxy.log.find(({ event }) => event === "access")?.["client"], "192.0.2.9");
  await proxy.advance("2m");
  assert.ok(
    proxy.log.some((line) => line["event"] !== "access" && String(line["message"]).includes("192.0.2.9")),
    JSON.stringify(proxy.log),
  );
});
