/** Logouts that machines tell each other by a store. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { Browser } from "../../oidc/cookies/browser.fixture.ts";
import { TestStore } from "../../testing/test-proxy.ts";
import { KEY, SCRIPT, configFor, stage } from "./login-stage.fixture.ts";
import type { Stage } from "./login-stage.fixture.ts";

const FORM = { "content-type": "application/x-www-form-urlencoded" };

function machine(t: TestContext, store: TestStore): Promise<Stage> {
  const config = {
    ...configFor({ session: { keys: [KEY], store: "shared" } }),
    stores: { shared: { type: "redis", url: "redis://store.test" } },
  } as const;
  return stage(t, config, false, { shared: store });
}

async function tellLogout({ open, provider }: Stage, claims: { sid?: undefined } = {}): Promise<void> {
  const body = new URLSearchParams({ logout_token: await provider.logoutToken(claims) }).toString();
  assert.equal((await open("/oauth2/back-channel-logout", FORM, new Browser(), { method: "POST", body })).status, 200);
}

async function statuses(machines: readonly Stage[], browser: Browser): Promise<readonly number[]> {
  return Promise.all(machines.map(async ({ open }) => (await open("/app/", SCRIPT, browser.copy())).status));
}

describe("a logout that the provider tells one machine", () => {
  for (const [what, claims] of [
    ["of a session", {}],
    ["of a user", { sid: undefined }],
  ] as const)
    test(`${what} ends it on the others within two seconds, and on those that start later`, async (t) => {
      const store = new TestStore();
      const machines = [await machine(t, store), await machine(t, store)] as const;
      await machines[0].logIn();
      const { browser } = machines[0];
      for (const { proxy } of machines) await proxy.advance(3_000);
      assert.deepEqual(await statuses(machines, browser), [200, 200]);
      await tellLogout(machines[0], claims);
      assert.deepEqual(await statuses(machines, browser), [401, 200]);
      for (const { proxy } of machines) await proxy.advance(2_000);
      assert.deepEqual(await statuses(machines, browser), [401, 401]);
      const third = await machine(t, store);
      await third.open("/app/", SCRIPT, new Browser());
      await third.proxy.advance(2_000);
      assert.deepEqual(await statuses([third], browser), [401]);
      if (what === "of a user") {
        await machines[1].proxy.advance(1_000);
        await machines[1].logIn();
        assert.deepEqual(await statuses([machines[1]], machines[1].browser), [200], "whoever logs in again is in");
      }
      for (const told of store.told) assert.match(told, /^[0-9]{13} [\w-]{43}$/);
    });

  for (const [mood, title] of [
    ["gone", "while the store is down holds there, and reaches the others when it is back"],
    ["silent", "while the store is silent does so too"],
    ["full", "while the store is full does so too"],
  ] as const)
    test(title, async (t) => {
      const store = new TestStore();
      const machines = [await machine(t, store), await machine(t, store)] as const;
      await machines[0].logIn();
      const { browser } = machines[0];
      assert.deepEqual(await statuses(machines, browser), [200, 200]);
      store.tell("millrace:{revocations}", "of somebody else");
      store.mood = mood;
      await tellLogout(machines[0]);
      for (const { proxy } of machines) await proxy.advance(20_000);
      assert.deepEqual(await statuses(machines, browser), [401, 200]);
      assert.equal(machines[0].proxy.status.stores?.["shared"]?.up, false);
      store.mood = "fine";
      for (let round = 0; round < 2; round++) for (const { proxy } of machines) await proxy.advance(4_000);
      assert.deepEqual(await statuses(machines, browser), [401, 401]);
      assert.equal(machines[0].proxy.status.stores?.["shared"]?.up, true);
    });

  test("a store that tells nonsense logs nobody out", async (t) => {
    const store = new TestStore();
    const one = await machine(t, store);
    await one.logIn();
    for (const text of ["", "1", "9999999999999 x", `${"9".repeat(13)} ${"a".repeat(43)}`, "x".repeat(100_000)])
      store.tell("millrace:{revocations}", text);
    await one.proxy.advance(3_000);
    assert.deepEqual(await statuses([one], one.browser), [200]);
  });
});
