/** How often one address may have the provider asked about logins that fail. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Browser } from "../../oidc/cookies/browser.fixture.ts";
import { NAVIGATION, locationOf, outcomes, stage } from "./login-stage.fixture.ts";
import type { Stage } from "./login-stage.fixture.ts";

/** A login that somebody begins and answers by a code that he makes up. */
async function failed({ open }: Stage): Promise<Response> {
  const browser = new Browser();
  const state = new URL(locationOf(await open("/app/", NAVIGATION, browser))).searchParams.get("state") ?? "";
  return open(`/oauth2/callback?code=made-up&iss=https://id.example&state=${state}`, NAVIGATION, browser);
}

describe("logins", () => {
  test("that fail are thirty a minute for an address, over all routes, and those that succeed do not count", async (t) => {
    const at = await stage(t);
    const { proxy, provider, logIn, open } = at;
    for (let login = 0; login < 40; login++) assert.equal((await logIn("/app/", new Browser())).status, 303);
    for (let login = 0; login < 30; login++) assert.equal((await failed(at)).status, 400);
    const asked = provider.count("/token");
    const late = await failed(at);
    assert.deepEqual([late.status, late.headers.get("retry-after"), provider.count("/token")], [429, "2", asked]);
    assert.equal(outcomes(proxy).at(-1), "login_rate_limited");
    // The login is still good.
    const mine = new Browser();
    const answer = provider.answerTo(locationOf(await open("/app/", NAVIGATION, mine))).toString();
    assert.equal((await open(`/oauth2/callback?${answer}`, NAVIGATION, mine)).status, 429);
    await proxy.advance(2_000);
    assert.equal((await open(`/oauth2/callback?${answer}`, NAVIGATION, mine)).status, 303);
  });

  test("that another site's page makes up count for nobody", async (t) => {
    const { open, logIn } = await stage(t);
    for (let made = 0; made < 40; made++)
      assert.equal((await open("/oauth2/callback?code=x&state=y", NAVIGATION, new Browser())).status, 400);
    assert.equal((await logIn()).status, 303);
  });
});
