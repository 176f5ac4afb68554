import assert from "node:assert/strict";
import { test } from "node:test";
import { recipe, says } from "../support/recipe.ts";

const { start } = recipe("api-with-cors", { upstreams: { api: says("the API") } });

test("another site gets no permission, and the API's own fields are replaced", async (t) => {
  const proxy = await start(t, {
    upstreams: { api: () => new Response("ok", { headers: { "Access-Control-Allow-Origin": "*" } }) },
  });
  const ask = (origin: string): Promise<Response> =>
    proxy.fetch("http://localhost:8080/v1/items", { headers: { Origin: origin, Authorization: "Bearer change-me" } });
  assert.equal((await ask("https://evil.example")).headers.get("access-control-allow-origin"), null);
  assert.equal((await ask("https://app.example.com")).headers.get("access-control-allow-origin"), "https://app.example.com");
});

test("a page can read that it was refused by the limit", async (t) => {
  const proxy = await start(t);
  const statuses = [];
  let last: Response | null = null;
  for (let request = 0; request < 21; request++) {
    last = await proxy.fetch("http://localhost:8080/v1/items", {
      headers: { Origin: "https://app.example.com", Authorization: "Bearer change-me" },
    });
    statuses.push(last.status);
  }
  assert.deepEqual(statuses, [...Array<number>(20).fill(200), 429]);
  assert.equal(last?.headers.get("access-control-allow-origin"), "https://app.example.com");
});
