/** Two proxies, one provider, one Redis: a logout that the provider tells one of them holds on both. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { Person } from "../support/oidc/person.ts";
import { startSite } from "../support/oidc/protected-site.ts";
import { TestRedis, WITHOUT_REDIS } from "../support/redis.ts";

const LONG = { timeout: 90_000, skip: WITHOUT_REDIS };
const SCRIPT = { "sec-fetch-mode": "cors", accept: "application/json" };

/** Milliseconds until a request of a script gets that status. */
async function until(person: Person, url: string, status: number): Promise<number> {
  const began = performance.now();
  while ((await person.get(url, SCRIPT)).status !== status) assert.ok(performance.now() - began < 20_000, `${url} never answers ${status}`);
  return performance.now() - began;
}

describe("a logout at the provider", LONG, () => {
  for (const isDown of [false, true])
    test(
      isDown
        ? "while Redis is down holds on the machine that is told, and reaches the other one when it is back"
        : "reaches the other machine within two seconds, and one that starts later",
      LONG,
      async (t) => {
        const redis = await TestRedis.start(t);
        const site = await startSite(t, { store: redis.url, workers: 2 });
        const others: Millrace[] = [];
        const another = async (): Promise<string> => {
          const proxy = await startMillrace(site.config().replace(/address: "[^"]+"/, 'address: "127.0.0.1:0"'));
          t.after(() => proxy.stop());
          others.push(proxy);
          return `http://127.0.0.1:${proxy.port}`;
        };
        const second = await another();
        const person = new Person();
        const page = await person.logIn(await person.get(`${site.origin}/app/`), "alice");
        assert.match(page.text, /\/app\/ of alice/);
        // The same site at another address, whose cookies a browser keeps by host. The copies stay as they are when the person logs out.
        const cookies = [...person.jar(site.origin)];
        const copies = (origin: string): Person => {
          const copy = new Person();
          for (const [name, value] of cookies) copy.jar(origin).set(name, value);
          return copy;
        };
        for (const origin of [site.origin, second]) assert.equal((await copies(origin).get(`${origin}/api/`, SCRIPT)).status, 200);
        if (isDown) await redis.kill();
        const asks = await person.submit(await person.get(`${site.origin}/app/`));
        const left = asks.text.includes("<form") ? await person.submit(asks, { logout: "yes" }) : asks;
        assert.match(left.text, /bye/);
        await until(copies(site.origin), `${site.origin}/api/`, 401);
        if (isDown) {
          assert.equal((await copies(second).get(`${second}/api/`, SCRIPT)).status, 200);
          await redis.start();
          t.diagnostic(`${Math.round(await until(copies(second), `${second}/api/`, 401))} ms after Redis was back`);
        } else {
          const tookMs = await until(copies(second), `${second}/api/`, 401);
          t.diagnostic(`${Math.round(tookMs)} ms`);
          assert.ok(tookMs < 2500, `${tookMs}`);
        }
        const third = await another();
        await until(copies(third), `${third}/api/`, 401);
        const stored = await redis.cli("xrange", "millrace:{revocations}", "-", "+");
        assert.doesNotMatch(stored, /alice/);
      },
    );
});
