import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { fileOf } from "../support/page-blocks.ts";
import { recipe, says } from "../support/recipe.ts";

const { blocks, config, start } = recipe("docker-compose", {
  upstreams: { web: says("the pages"), api: says("the API") },
  environment: { ADMIN_TOKEN: "t0k3n" },
});

test("names, ports and times of both files fit each other", () => {
  const text = blocks.find((block) => fileOf(block) === "compose.yaml")?.text ?? "";
  const { services } = parse(text) as { services: Record<string, { ports?: string[]; stop_grace_period?: string }> };
  const hosts = [...config.matchAll(/http:\/\/([\w-]+):/g)].map(([, host = ""]) => host);
  assert.deepEqual(
    hosts.filter((host) => !(host in services)),
    [],
  );
  const { shutdown, listeners } = parse(config) as { shutdown: { timeout: string }; listeners: { address: string }[] };
  assert.ok(Number.parseInt(services["proxy"]?.stop_grace_period ?? "0", 10) > Number.parseInt(shutdown.timeout, 10));
  assert.ok(services["proxy"]?.ports?.includes(`8080${listeners[0]?.address ?? ""}`));
});

test("each service gets its own", async (t) => {
  const proxy = await start(t);
  assert.equal(await (await proxy.fetch("http://localhost:8080/api/users")).text(), "the API got GET /users\n");
  assert.equal(await (await proxy.fetch("http://localhost:8080/")).text(), "the pages got GET /\n");
});
